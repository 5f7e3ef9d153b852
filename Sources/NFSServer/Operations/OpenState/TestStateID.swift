import NFSProtocol
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
            var status = NFSStatus.badStateid
            if !stateID.isSpecial {
                status = try compound.server.files.withShard(of: stateID) { shard throws(NFSStatus) in shard.test(stateID, client: client) }
            }
            reply.uint32(status.rawValue)
        }
    }
}
