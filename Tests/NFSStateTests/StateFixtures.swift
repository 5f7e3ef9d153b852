import NFSProtocol
import NFSState

/// SplitMix64: the same history for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}

/// Stands for an open file; only its identity matters.
final class OpenFile: Sendable {}

func ids(_ resources: [OpenResource?]) -> [ObjectIdentifier?] { resources.map { $0.map { ObjectIdentifier($0) } } }

let instance = ServerInstance(rawValue: 0xCAFE)
let root = Principal(flavor: 1, name: [0])
let user = Principal(flavor: 1, name: [100])

func seconds(_ count: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: count * 1_000_000_000) }

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func file(_ number: UInt8) -> FileHandle { FileHandle([1, 2, 3, number].span.bytes)! }

let wide = ChannelAttributes(
    maximumRequest: 1 << 21, maximumResponse: 1 << 21, maximumCachedResponse: 1 << 16, maximumOperations: 8, maximumRequests: 16)
let narrow = ChannelAttributes(
    maximumRequest: 4096, maximumResponse: 4096, maximumCachedResponse: 0, maximumOperations: 2, maximumRequests: 4)

func clientTable(_ adjust: (inout StateLimits) -> Void = { _ in }) -> ClientTable {
    var limits = StateLimits()
    adjust(&limits)
    return ClientTable(instance: instance, limits: limits, lease: .seconds(60), sessions: SessionTable())
}

func sessionRequest(_ client: ClientID, _ sequence: UInt32, fore: ChannelAttributes = wide, back: Bool = true) -> CreateSessionRequest {
    CreateSessionRequest(
        clientID: client, sequence: sequence, flags: back ? .backChannel : [], fore: fore, back: narrow)
}

extension ClientTable {
    /// EXCHANGE_ID, by default of `root` with verifier 1 at time zero.
    mutating func exchange(
        _ owner: String, verifier: UInt64 = 1, as principal: Principal = root, update: Bool = false, now: MonotonicTime = seconds(0)
    ) throws(NFSStatus) -> (ExchangeIDResult, DroppedClient?) {
        try exchangeID(
            owner: bytes(owner), verifier: Verifier(rawValue: verifier), principal: principal, updatesConfirmed: update, now: now)
    }

    /// EXCHANGE_ID and CREATE_SESSION.
    mutating func connect(
        _ owner: String, verifier: UInt64 = 1, as principal: Principal = root, now: MonotonicTime = seconds(0)
    ) throws -> (client: Client, session: Session, dropped: DroppedClient?) {
        let (result, _) = try exchange(owner, verifier: verifier, as: principal, now: now)
        let request = sessionRequest(result.client.id, result.sequence)
        guard case .created(_, let session, let dropped) = try createSession(request, principal: principal, connection: 1, now: now)
        else { throw NFSStatus.serverfault }
        return (result.client, session, dropped)
    }
}

/// The status a call ends with, `ok` when it throws nothing.
func status(of body: () throws(NFSStatus) -> Void) -> NFSStatus {
    do throws(NFSStatus) {
        try body()
        return .ok
    } catch { return error }
}

extension OpenOutcome {
    /// The stateid of an OPEN that must succeed.
    func granted() throws(NFSStatus) -> StateID {
        guard case .granted(let stateID, _) = self else { throw .shareDenied }
        return stateID
    }
}

extension LockOutcome {
    func granted() throws(NFSStatus) -> StateID {
        guard case .granted(let stateID) = self else { throw .denied }
        return stateID
    }
}

extension FileStates {
    /// OPEN with a new open file.
    mutating func open(
        _ file: FileHandle, _ client: Client, _ owner: String, _ access: ShareAccess, deny: ShareAccess = []
    ) throws(NFSStatus) -> StateID {
        try open(file, client: client, owner: bytes(owner), access: access, deny: deny, resource: OpenFile()).granted()
    }

    mutating func open(_ file: FileHandle, _ client: Client, _ access: ShareAccess, deny: ShareAccess = []) throws(NFSStatus) -> StateID {
        try open(file, client, "o", access, deny: deny)
    }
}

// Without a clock, and for what there is nobody to wake.
extension FileStates {
    mutating func lock(
        _ file: FileHandle, client: Client, locker: Locker, type: LockType, range: ByteRange
    ) throws(NFSStatus) -> LockOutcome {
        try lock(file, client: client, locker: locker, type: type, range: range, waitingAs: nil, now: seconds(0)).0
    }

    mutating func unlock(_ stateID: StateID, of file: FileHandle, client: Client, range: ByteRange) throws(NFSStatus) -> StateID {
        try unlock(stateID, of: file, client: client, range: range, now: seconds(0)).0
    }

    mutating func close(_ stateID: StateID, of file: FileHandle, client: Client) throws(NFSStatus) -> [OpenResource] {
        try close(stateID, of: file, client: client, now: seconds(0)).resources
    }
}

extension ClientTable {
    /// Another principal takes the name of a client of `root` whose lease has expired.
    mutating func takeName(_ owner: String) throws(NFSStatus) -> DroppedClient? { try exchange(owner, as: user, now: seconds(100)).1 }
}
