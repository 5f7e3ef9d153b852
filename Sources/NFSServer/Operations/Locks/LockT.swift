import NFSProtocol
import NFSState
import XDR

/// LOCKT: ask whether a range of bytes could be locked (RFC 8881 §18.11).
struct LockT: Operation, ~Escapable {
    static var code: OperationCode { .lockt }
    static var reservedReply: Int { 1080 }

    private let type: LockType
    private let offset: UInt64
    private let length: UInt64
    private let owner: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        (type, _) = try LockType.decode(&request)
        offset = try request.uint64()
        length = try request.uint64()
        _ = try request.uint64()  // the session tells the client
        owner = try request.opaque(maximum: 1024)  // NFS4_OPAQUE_LIMIT
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.regularFile()
        let range = try ByteRange(offset: offset, length: length)
        try compound.requireNoGrace()
        let client = try compound.client()
        let owner = owner.withUnsafeBytes { [UInt8]($0) }
        let key = file.stateKey
        let denied = try compound.server.files.withShard(of: key) { shard throws(NFSStatus) in
            shard.testLock(key, client: client, owner: owner, type: type, range: range)
        }
        guard let denied else { return }
        try compound.displace(denied.client)
        compound.lockDenied = denied
        throw .denied
    }

    static func encodeFailure(_ status: NFSStatus, in compound: Compound, reply: inout XDRWriter) {
        if status == .denied { compound.lockDenied?.encode(to: &reply) }
    }
}
