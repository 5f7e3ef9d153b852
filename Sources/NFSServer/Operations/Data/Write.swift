import FileSystem
import NFSProtocol
import XDR

/// WRITE: write to the current file (RFC 8881 §18.32).
struct Write: Operation, ~Escapable {
    static var code: OperationCode { .write }
    static var reservedReply: Int { 24 }
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
        try compound.requireWritable(file)
        let opened = try compound.openFile(stateID, of: file, .write)
        // Taken first: what a failure elsewhere loses while this is written must not look safe.
        let verifier = compound.server.writeVerifier
        let written = try write(to: opened, compound)
        reply.uint32(UInt32(written))
        reply.uint32(stability.rawValue)
        verifier.encode(to: &reply)
    }

    private func write(to opened: any OpenFile, _ compound: Compound) throws(NFSStatus) -> Int {
        do throws(NFSStatus) {
            return try opened.write(data, at: offset, stability, mayBlock: compound.mayBlock)
        } catch {
            // A full device refused this data only, and says so; after an error nobody knows what else is lost.
            if stability != .unstable, error == .io { compound.server.lostWrites(error) }
            throw error
        }
    }
}
