import NFSProtocol
import XDR

/// FREE_STATEID: let the server forget a stateid that holds nothing (RFC 8881 §18.38).
struct FreeStateID: Operation {
    static var code: OperationCode { .freeStateid }
    private let stateID: StateID

    init(from request: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let stateID = try compound.resolve(stateID)
        guard !stateID.isSpecial else { throw .badStateid }
        let client = try compound.client()
        try compound.server.files.withShard(of: stateID) { shard throws(NFSStatus) in try shard.free(stateID, client: client) }
    }
}
