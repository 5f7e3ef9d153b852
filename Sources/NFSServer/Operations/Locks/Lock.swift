import NFSProtocol
import NFSState
import XDR

/// LOCK: lock a range of bytes (RFC 8881 §18.10).
struct Lock: Operation, ~Escapable {
    static var code: OperationCode { .lock }
    /// A denial carries the owner of the lock in the way.
    static var reservedReply: Int { 1080 }

    private let type: LockType
    /// READW_LT and WRITEW_LT.
    private let waits: Bool
    private let isReclaim: Bool
    private let offset: UInt64
    private let length: UInt64
    /// The open's stateid for a new lock owner, the lock's for one that has a stateid.
    private let stateID: StateID
    private let isNewOwner: Bool
    private let owner: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        (type, waits) = try LockType.decode(&request)
        isReclaim = try request.bool()
        offset = try request.uint64()
        length = try request.uint64()
        isNewOwner = try request.bool()
        if isNewOwner {
            _ = try request.uint32()  // open_seqid of NFSv4.0
            stateID = try StateID(from: &request)
            _ = try request.uint32()  // lock_seqid of NFSv4.0
            _ = try request.uint64()  // the session tells the client
            owner = try request.opaque(maximum: 1024)  // NFS4_OPAQUE_LIMIT
        } else {
            stateID = try StateID(from: &request)
            _ = try request.uint32()
            owner = try request.fixedOpaque(0)
        }
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.regularFile()
        let range = try ByteRange(offset: offset, length: length)
        let stateID = try compound.resolve(stateID)
        let client = try compound.client()
        let key = file.stateKey
        // Before anything has to wait: it is no reason to put the client on record again.
        if client.revokedCount > 0 {
            try compound.server.files.withShard(of: key) { shard throws(NFSStatus) in
                try shard.checkNotRevoked(stateID, of: key, client: client)
            }
        }
        if isReclaim { try compound.requireReclaimAllowed() } else { try compound.requireNewStateAllowed() }
        let locker: Locker =
            isNewOwner ? .openToLockOwner(open: stateID, owner: owner.withUnsafeBytes { [UInt8]($0) }) : .existing(stateID)
        let now = compound.now
        // Who cannot be called has to ask again, whenever it likes.
        let handle = waits && !isReclaim && compound.server.canCall(client) ? file.wireHandle : nil
        let (outcome, freed) = try compound.server.files.withShard(of: key) { shard throws(NFSStatus) in
            try shard.lock(key, client: client, locker: locker, type: type, range: range, waitingAs: handle, now: now)
        }
        compound.server.notify(freed)
        switch outcome {
        case .granted(let granted):
            compound.server.slowOperations.granted(range, of: key, to: client)
            compound.currentStateID = granted
            granted.encode(to: &reply)
        case .denied(let denied):
            guard !isReclaim else { throw .reclaimConflict }
            try compound.displace(denied.client)
            compound.server.slowOperations.denied(range, of: key, by: denied, to: client, in: compound)
            compound.lockDenied = denied
            throw .denied
        case .reserved(let denied):
            compound.lockDenied = denied
            throw .denied
        }
    }

    static func encodeFailure(_ status: NFSStatus, in compound: Compound, reply: inout XDRWriter) {
        if status == .denied { compound.lockDenied?.encode(to: &reply) }
    }
}

extension LockType {
    /// nfs_lock_type4 (RFC 8881 §18.10.3); the waiting kinds ask for the same locks.
    static func decode(_ request: inout XDRReader) throws(XDRError) -> (LockType, waits: Bool) {
        switch try request.uint32() {
        case 1: (.read, false)
        case 2: (.write, false)
        case 3: (.read, true)
        case 4: (.write, true)
        default: throw .invalid
        }
    }
}

extension LockDenied {
    /// LOCK4denied (RFC 8881 §18.10.2).
    func encode(to reply: inout XDRWriter) {
        reply.uint64(range.offset)
        reply.uint64(range.length)
        reply.uint32(type == .read ? 1 : 2)
        reply.uint64(client.id.rawValue)
        reply.opaque(owner)
    }
}
