import NFSProtocol
import XDR

/// OPEN_DOWNGRADE: give up some of the access or denial of an open (RFC 8881 §18.18).
struct OpenDowngrade: Operation {
    static var code: OperationCode { .openDowngrade }
    static var reservedReply: Int { 24 }
    private let stateID: StateID
    private let access: ShareAccess
    private let deny: ShareAccess

    init(from request: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &request)
        _ = try request.uint32()  // seqid of NFSv4.0
        access = ShareAccess(rawValue: try request.uint32())
        deny = ShareAccess(rawValue: try request.uint32())
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let key = try compound.fileWithoutAdmission().stateKey
        let stateID = try compound.resolve(stateID, keepsSeqid: true)
        let client = try compound.client()
        let (downgraded, _) = try compound.server.files.withShard(of: key) { shard throws(NFSStatus) in
            try shard.downgrade(stateID, of: key, client: client, access: access, deny: deny)
        }
        compound.currentStateID = downgraded
        downgraded.encode(to: &reply)
    }
}
