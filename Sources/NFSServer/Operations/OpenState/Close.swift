import NFSProtocol
import XDR

/// CLOSE: end an open (RFC 8881 §18.2).
struct Close: Operation {
    static var code: OperationCode { .close }
    static var reservedReply: Int { 24 }
    private let stateID: StateID

    init(from request: inout XDRReader) throws(XDRError) {
        _ = try request.uint32()  // seqid of NFSv4.0
        stateID = try StateID(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let key = try compound.fileWithoutAdmission().stateKey
        let stateID = try compound.resolve(stateID, keepsSeqid: true)
        let client = try compound.client()
        let now = compound.now
        let released = try compound.server.files.withShard(of: key) { shard throws(NFSStatus) in
            try shard.close(stateID, of: key, client: client, now: now)
        }
        compound.server.notify(released.freed)
        compound.currentStateID = .invalid
        StateID.invalid.encode(to: &reply)
    }
}
