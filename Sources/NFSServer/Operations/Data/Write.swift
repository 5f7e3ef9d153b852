import FileSystem
import NFSProtocol
import XDR

/// WRITE: write to the current file (RFC 8881 §18.32).
struct Write: Operation, ~Escapable {
    static var code: OperationCode { .write }
    static var reservedReply: Int { 24 }
    static var isBrief: Bool { true }
    private let stateID: StateID
    private let offset: UInt64
    private let stability: WriteStability
    private let data: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &request)
        offset = try request.uint64()
        guard let stability = WriteStability(rawValue: try request.uint32()) else { throw .invalid }
        self.stability = stability
        data = try request.opaque(maximum: request.remaining)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.regularFile()
        let written = if let flushed = try flushed(compound) { flushed } else { try write(to: file, compound) }
        reply.uint32(UInt32(written.count))
        reply.uint32(stability.rawValue)
        written.verifier.encode(to: &reply)
    }

    /// What was written before a flush, when that is over.
    private func flushed(_ compound: Compound) throws(NFSStatus) -> Written? {
        guard let flushed = compound.flushed.take() else { return nil }
        guard flushed.status == .ok else { throw flushed.status }
        // An earlier flush that failed meanwhile may have been told of the loss of this data, and this one not.
        guard flushed.written?.verifier == compound.server.writeVerifier else { throw .delay }
        return flushed.written
    }

    private func write(to file: CurrentFile, _ compound: Compound) throws(NFSStatus) -> Written {
        try compound.requireWritable(file)
        let opened = try compound.openFile(stateID, of: file, .write)
        // Taken first: what a failure elsewhere loses while this is written must not look safe.
        let verifier = compound.server.writeVerifier
        let written = Written(count: try opened.write(data, at: offset, mayBlock: compound.mayBlock), verifier: verifier)
        compound.server.counters.own.wrote(written.count)
        if stability != .unstable { try compound.wait(for: .flush(opened, of: file.stateKey, written)) }
        return written
    }
}
