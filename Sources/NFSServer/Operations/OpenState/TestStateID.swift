import NFSProtocol
import NFSState
import XDR

/// TEST_STATEID: tell which of some stateids are valid (RFC 8881 §18.48).
struct TestStateID: Operation {
    static var code: OperationCode { .testStateid }
    private let stateIDs: [StateID]

    init(from request: inout XDRReader) throws(XDRError) {
        let count = try request.count(maximum: request.remaining / 16)
        var stateIDs: [StateID] = []
        stateIDs.reserveCapacity(count)
        for _ in 0..<count { stateIDs.append(try StateID(from: &request)) }
        self.stateIDs = stateIDs
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let client = try compound.client()
        reply.uint32(UInt32(stateIDs.count))
        for stateID in stateIDs {
            reply.uint32(status(of: stateID, client, compound.server.files).rawValue)
        }
    }

    /// Whatever is wrong with one stateid is its own result, not that of the operation (§18.48.3).
    private func status(of stateID: StateID, _ client: Client, _ files: FileStateShards) -> NFSStatus {
        guard !stateID.isSpecial else { return .badStateid }
        do throws(NFSStatus) {
            return try files.withShard(of: stateID) { shard throws(NFSStatus) in shard.test(stateID, client: client) }
        } catch { return error }
    }
}
