import NFSProtocol
import NFSState
import XDR

/// LOCKU: unlock a range of bytes (RFC 8881 §18.12).
struct LockU: Operation {
    static var code: OperationCode { .locku }
    static var reservedReply: Int { 24 }
    private let stateID: StateID
    private let offset: UInt64
    private let length: UInt64

    init(from request: inout XDRReader) throws(XDRError) {
        _ = try LockType.decode(&request)
        _ = try request.uint32()  // seqid of NFSv4.0
        stateID = try StateID(from: &request)
        offset = try request.uint64()
        length = try request.uint64()
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.fileWithoutAdmission()
        try compound.requireRegular(file)
        let range = try ByteRange(offset: offset, length: length)
        let stateID = try compound.resolve(stateID)
        let client = try compound.client()
        let key = file.stateKey
        let now = compound.now
        let (unlocked, freed) = try compound.server.files.withShard(of: key) { shard throws(NFSStatus) in
            try shard.unlock(stateID, of: key, client: client, range: range, now: now)
        }
        compound.server.notify(freed)
        compound.currentStateID = unlocked
        unlocked.encode(to: &reply)
    }
}
