import NFSProtocol
import XDR

/// COMMIT: bring what was written to the current file to stable storage (RFC 8881 §18.3).
struct Commit: Operation {
    static var code: OperationCode { .commit }
    static var reservedReply: Int { 16 }

    init(from request: inout XDRReader) throws(XDRError) {
        // The range: all of the file is committed, which is more than was asked for and no less.
        _ = try request.uint64()
        _ = try request.uint32()
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.regularFile()
        guard let flushed = compound.flushed.take() else {
            // COMMIT asks for no right of its own, and what others wrote is committed with it.
            let opened = try file.node.openGranted(.read, compound.caller(on: file))
            try compound.wait(for: .flush(opened, of: file.stateKey, nil))
        }
        guard flushed.status == .ok else {
            // Other words for data that could not be kept are not among its statuses (§15.2).
            throw [.nospc, .dquot, .rofs, .fbig].contains(flushed.status) ? .io : flushed.status
        }
        compound.server.writeVerifier.encode(to: &reply)
    }
}
