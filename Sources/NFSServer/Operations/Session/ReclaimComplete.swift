import NFSProtocol
import XDR

/// RECLAIM_COMPLETE: say that nothing is left to reclaim (RFC 8881 §18.51).
struct ReclaimComplete: Operation {
    static var code: OperationCode { .reclaimComplete }
    private let isOneFileSystem: Bool

    init(from request: inout XDRReader) throws(XDRError) {
        isOneFileSystem = try request.bool()
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        if isOneFileSystem {
            // No file system moves here while the server runs, so there is nothing to complete for one of them.
            _ = try compound.fileWithoutAdmission()
            return
        }
        let client = try compound.client()
        guard !client.isReclaimComplete else { throw .completeAlready }
        // Whoever holds nothing has nothing to reclaim after the next restart, and is recorded before it gets something.
        if client.hasState { try compound.requireRecorded(client) }
        try client.completeReclaim()
        compound.server.recovery.reclaimComplete(client)
    }
}
