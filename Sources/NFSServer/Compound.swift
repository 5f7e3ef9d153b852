import FileSystem
import NFSProtocol
import NFSState
import RPC
import RPCSecurity
import XDR

/// One COMPOUND on its way through the server (RFC 8881 §2.3, §16.2): the request, how far it got, and the reply so far.
///
/// One thread at a time works on it. It begins on the event loop of its connection; an operation that would have to wait
/// moves it, as it stands, to a worker, or to those that wait for an event.
final class Compound: @unchecked Sendable {
    let server: NFSServer
    let connection: any RPCConnection
    let context: ConnectionContext
    /// The name space as it was when the request came.
    let exports: NameSpaceView
    let record: Record
    /// Who AUTH_SYS says that asks; the anonymous user for other flavors.
    let credentials: Credentials
    /// Who that is here. Exports may see somebody else, see `caller`.
    var identity: Identity
    /// Whether the machine was asked, if it has to be (`put`).
    var isIdentified = false
    /// How that is proved.
    let flavor: SecurityFlavor
    /// The call in its RPCSEC_GSS context, for the reply; nil for other flavors.
    let exchange: GSSExchange?
    /// Bytes of the whole call (RFC 8881 §18.36.3, ca_maxrequestsize).
    let callLength: Int
    /// When it came.
    let received: MonotonicTime

    /// Where in the record the next operation starts, and how many are left from there.
    var nextOperation: Int
    var operationsLeft: Int
    /// Where the arguments of the operation under way end.
    var argumentsEnd = 0
    /// How many operations ran.
    var operationIndex = 0
    /// The operation under way, or the last one.
    var operation = CountedOperation.illegal
    /// What the request is about: its first operation that does not merely accompany others, or else its last.
    var subject = CountedOperation(.sequence)
    /// The status of the whole, once it is answered.
    var status = NFSStatus.ok
    /// Other than `ok` for a minor version this server does not speak, or else a tag that is not UTF-8: such a request gets no
    /// results (RFC 8881 §16.2.3, §16.2.4).
    let headerStatus: NFSStatus
    /// The number of operations in the whole compound.
    let operationCount: Int

    var reply: XDRWriter
    /// Where in the reply the status of the compound and the count of results stand.
    let statusPosition: Int
    let countPosition: Int
    var resultCount = 0
    /// Where the reply must end, as the session's fore channel has it.
    var replyLimit: Int
    /// Whether the reply must fit into the slot's cache, which `replyLimit` then stands for.
    var repliesMustBeCached = false
    /// The kept reply of a retried request, to be sent instead of `reply`.
    var replay: [UInt8]?
    /// Whether the request is a retry of one whose reply was not kept: nothing behind SEQUENCE is run.
    var isUncachedRetry = false
    /// What is to be done when the reply is on its way.
    var afterReply: (() -> Void)?

    /// False on an event loop: an operation that would have to wait throws `NFSStatus.wouldBlock`.
    var mayBlock = false
    /// Set when the compound has waited as long as it may: what it waited for then becomes a status for the client.
    var hasWaited = false
    /// Whether the compound keeps its client's lease from running out.
    private(set) var keepsLease = false
    /// What to wait for before the current operation runs again; set together with throwing `wouldBlock`.
    var waitsFor: WaitReason?
    /// What the READDIR that waited shares with others.
    var sharedListing: SharedListing?
    /// What the flush came to that the compound waited for.
    var flushed: Flushed?
    /// What the operation before changed and has to be flushed before its result counts.
    var unflushed: Unflushed?
    /// Where the body of that result stands; nil when there is nothing to be flushed.
    var bodyOfChange: Int?

    /// Set by SEQUENCE.
    var session: Session?
    var slot: SlotUse?
    var currentFile: CurrentFile?
    var savedFile: CurrentFile?
    var currentStateID: StateID?
    var savedStateID: StateID?
    /// The client DESTROY_CLIENTID has removed.
    var departed: ClientID?
    /// What SETATTR had set, for its result.
    var attributesSet = AttributeSet()
    /// The lock in the way of a LOCK or LOCKT, for its result.
    var lockDenied: LockDenied?

    /// Reads COMPOUND4args up to the first operation (RFC 8881 §16.2.1) and begins the reply.
    /// - Parameter record: what the arguments stand in, from the byte `offset` on.
    /// - Returns: nil when they do not read: GARBAGE_ARGS.
    init?(
        _ requester: Requester, _ record: Record, at offset: Int, xid: UInt32, callLength: Int, on connection: any RPCConnection,
        _ context: ConnectionContext, server: NFSServer, pool: BufferPool
    ) {
        switch requester {
        case .named(.none):
            flavor = .none
            exchange = nil
            credentials = ExportRule().anonymous
            identity = .nobody
        case .named(.sys(let caller)):
            flavor = .sys
            exchange = nil
            credentials = Credentials(uid: caller.uid, gid: caller.gid, groups: caller.groups)
            identity = .user(credentials)
        case .proved(let call):
            flavor = call.service.flavor
            exchange = call
            credentials = ExportRule().anonymous
            identity = .unknown
        }
        var request = XDRReader(record.bytes, at: offset)
        replyLimit = RecordMark.length + server.limits.maximumMessage - (exchange?.tail ?? 0)
        var reply = XDRWriter(pool: pool, startingAt: RecordMark.length, limit: replyLimit)
        if let exchange {
            exchange.begin(.success, xid: xid, to: &reply)
        } else {
            RPCReply.success.write(to: &reply, xid: xid)
        }
        statusPosition = reply.count
        reply.uint32(NFSStatus.ok.rawValue)
        do throws(XDRError) {
            let tag = try request.opaque(maximum: request.remaining)
            reply.opaque(tag)
            let minorVersion = try request.uint32()
            operationCount = try request.count(maximum: Int(Int32.max))
            headerStatus = minorVersion != 1 ? .minorVersMismatch : Self.isUTF8(tag) ? .ok : .inval
        } catch {
            pool.give(back: reply.detach().buffer)
            return nil
        }
        countPosition = reply.count
        reply.uint32(0)
        // A tag that leaves no room for a result.
        guard !reply.overflowed, reply.count + 2 * Self.resultHeader <= reply.limit else {
            pool.give(back: reply.detach().buffer)
            return nil
        }
        self.reply = reply
        nextOperation = request.offset
        operationsLeft = operationCount
        self.server = server
        self.connection = connection
        self.context = context
        exports = context.exports(of: server)
        self.record = record
        self.callLength = callLength
        received = MonotonicTime(nanoseconds: server.clock.now())
    }

    private static func isUTF8(_ tag: RawSpan) -> Bool {
        tag.isEmpty || tag.withUnsafeBytes { String(validating: $0, as: UTF8.self) != nil }
    }

    /// Keeps the client's lease from running out until the compound is answered (RFC 8881 §8.3).
    func keepLease() {
        guard !keepsLease, let session else { return }
        keepsLease = true
        session.client.beginWaiting()
    }

    /// Who asks, as the owner of client records and sessions.
    var principal: Principal {
        if let exchange {
            return Principal(flavor: 6, name: Array(exchange.context.principal.utf8), isProtected: exchange.service != .none)
        }
        guard flavor != .none else { return Principal(flavor: 0, name: []) }
        return Principal(flavor: 1, name: withUnsafeBytes(of: credentials.uid.bigEndian) { Array($0) })
    }

    /// Tells who asks from most others.
    var requesterHash: UInt32 {
        exchange.map { UInt32(truncatingIfNeeded: $0.context.principal.hashValue) } ?? credentials.uid
    }
}

/// Who makes a call.
enum Requester {
    /// Whoever its header names.
    case named(RPCCredential)
    /// Whoever made its RPCSEC_GSS context.
    case proved(GSSExchange)
}

/// Data that is in the page cache.
struct Written {
    var count: Int
    /// The write verifier before it was written.
    var verifier: Verifier
}

/// A flush that an operation waited for.
struct Flushed {
    /// What the operation wrote before, if anything.
    var written: Written?
    /// `ok` when it went well.
    var status: NFSStatus
}

/// What a compound can wait for.
enum WaitReason {
    /// A thread that may block.
    case worker
    /// The same, for what most likely need not.
    case briefWorker
    /// A thread for a listing, which is for all that ask for the same.
    case listing(ListingQueue.Question)
    /// Everything that is written to a file by now, by this operation or others, on stable storage.
    case flush(any OpenFile, of: FileHandle, Written?)
    /// The names in a directory, or the attributes of a file, on stable storage.
    case persistence(any Node)
    /// The end of the grace period.
    case endOfGrace
    /// The record of the last instance, by which clients are let in.
    case recordOfLastInstance
    /// The client's name on stable storage.
    case clientRecord(Client)
    /// The name of an expired client off stable storage, and its state revoked.
    case revocation(Client)
    /// The name of a client that left off stable storage. It holds nothing, so it is not kept waiting for long.
    case departure(DroppedClient)
}
