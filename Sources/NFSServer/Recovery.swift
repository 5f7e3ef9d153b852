import Logging
import NFSProtocol
import NFSState
import Synchronization

/// What a restart needs: who may reclaim now, and who could after the next one (RFC 8881 §8.4.2).
///
/// Calls to the storage happen one after the other, in the order they were asked for, and are repeated until they succeed:
/// going on without one of them could lose a client its locks. Nobody waits for them under a lock or on a thread; what is
/// to follow is a closure.
final class Recovery: Sendable {
    typealias Completion = @Sendable () -> Void

    private let storage: any RecoveryStorage
    private let log: Logger
    private let clock: ServerClock
    private let duration: Duration
    /// Makes the calling thread the server's own before a task, and with it perhaps a thread, is started.
    private let actAsServer: @Sendable () -> Void
    private let state = Mutex(State())
    /// What every READ and WRITE asks, without the lock.
    private let graceIsOver = Atomic(false)

    private struct State {
        /// Nil until the record of the last instance was read.
        var grace: GracePeriod?
        /// The last call to the storage; the next one runs behind it.
        var lastCall: Task<Void, Never>?
        var nextWaiter: UInt64 = 0
        var waitingForLoading: [UInt64: @Sendable (_ timedOut: Bool) -> Void] = [:]
        var waitingForEnd: [UInt64: @Sendable (_ timedOut: Bool) -> Void] = [:]
    }

    /// - Parameter grace: how long listed clients have to reclaim at most.
    init(
        storage: any RecoveryStorage, grace: Duration, clock: ServerClock, log: Logger, actAsServer: @escaping @Sendable () -> Void
    ) {
        self.actAsServer = actAsServer
        self.storage = storage
        self.clock = clock
        self.log = log
        duration = grace
    }

    // MARK: The grace period

    /// Begins this instance's record, reads the last one and starts the grace period, if anybody may reclaim.
    /// - Throws: `CancellationError`.
    func start() async throws {
        var listed: [[UInt8]] = []
        try await repeating("begin the record of clients") { listed = try await self.storage.open() }
        // With nobody to wait for the record is put in force at once: the first client on it must be on a list that counts.
        if listed.isEmpty { try await repeating("put the record of clients in force") { try await self.storage.activate() } }
        let now = MonotonicTime(nanoseconds: clock.now())
        let waiting = state.withLock { state in
            state.grace = GracePeriod(listed: Set(listed), duration: duration, now: now)
            if listed.isEmpty {
                state.grace?.ended()
                graceIsOver.store(true, ordering: .releasing)
            }
            defer { state.waitingForLoading = [:] }
            return state.waitingForLoading.values
        }
        for waiter in waiting { waiter(false) }
        guard !listed.isEmpty else { return log.info("nobody to wait for, no grace period") }
        log.notice("grace period begins", metadata: ["clients": "\(listed.count)", "at-most": "\(duration)"])
        Task { await self.endInTime() }
    }

    /// Whether the record of the last instance was read, so that clients can be let in.
    var isLoaded: Bool { state.withLock { $0.grace != nil } }

    /// The grace period; nil until the record of the last instance was read.
    var grace: GracePeriod? { state.withLock { $0.grace } }

    /// Whether what others may still reclaim has to be kept for them.
    var isInGrace: Bool { !graceIsOver.load(ordering: .acquiring) }

    /// Says whether a client may reclaim now.
    /// - Throws: `noGrace`. Never `reclaimBad`: the record says who held something, not what.
    func checkReclaim(_ client: Client) throws(NFSStatus) {
        guard let grace = state.withLock({ $0.grace }) else { throw .noGrace }
        try grace.checkReclaim(client)
    }

    /// RECLAIM_COMPLETE of a client: the last one that is waited for ends the grace period.
    func reclaimComplete(_ client: Client) {
        guard state.withLock({ $0.grace?.reclaimComplete(client.owner) ?? false }) else { return }
        end("all clients are back")
    }

    /// Stops waiting for a client that is known not to come back.
    /// - Returns: whether it was waited for.
    func declareDead(_ owner: [UInt8], _ reason: String) -> Bool {
        let (wasAwaited, isLast) = state.withLock { state -> (Bool, Bool) in
            guard let grace = state.grace, grace.phase == .open, grace.awaited.contains(owner) else { return (false, false) }
            return (true, state.grace?.declareDead(owner) ?? false)
        }
        guard wasAwaited else { return false }
        log.warning(
            "client will not come back, what it held is lost", metadata: ["client": "\(ClientName(owner))", "reason": "\(reason)"])
        if isLast { end("all clients are back or gone") }
        return true
    }

    private func logMissing(_ grace: GracePeriod, _ now: MonotonicTime) {
        for owner in grace.awaited.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            log.notice(
                "grace period waits for a client",
                metadata: ["client": "\(ClientName(owner))", "at-most": "\(grace.deadline.since(now) / .seconds(1)) s"])
        }
    }

    private func endInTime() async {
        var lastLogged: MonotonicTime?
        while let grace, grace.phase == .open {
            let now = MonotonicTime(nanoseconds: clock.now())
            if lastLogged.map({ now.since($0) >= .seconds(10) }) ?? true {
                lastLogged = now
                logMissing(grace, now)
            }
            guard state.withLock({ $0.grace?.expire(now: now) ?? false }) else {
                // Not once for the whole time: clocks differ in whether they stand still while the machine is suspended.
                try? await Task.sleep(for: min(grace.deadline.since(now) + .milliseconds(1), .seconds(1)))
                continue
            }
            for owner in grace.awaited {
                log.warning("client did not come back, what it held is lost", metadata: ["client": "\(ClientName(owner))"])
            }
            end("the time is up")
        }
    }

    /// Makes the end durable, and only then lets clients have new state: granted earlier, a crash in between would leave a
    /// list on which they are missing.
    private func end(_ reason: String) {
        call("put the record of clients in force") {
            try await self.storage.activate()
        } then: {
            let waiting = self.state.withLock { state in
                state.grace?.ended()
                self.graceIsOver.store(true, ordering: .releasing)
                defer { state.waitingForEnd = [:] }
                return state.waitingForEnd.values
            }
            self.log.notice("grace period over", metadata: ["reason": "\(reason)"])
            for waiter in waiting { waiter(false) }
        }
    }

    // MARK: Waiting

    /// Calls `completion` when the grace period is over or `limit` has passed.
    func afterGrace(atMost limit: Duration, _ completion: @escaping @Sendable (_ timedOut: Bool) -> Void) {
        wait(in: \.waitingForEnd, unless: { $0.grace?.phase == GracePeriod.Phase.over }, atMost: limit, completion)
    }

    /// Calls `completion` when the record of the last instance was read or `limit` has passed.
    func afterLoading(atMost limit: Duration, _ completion: @escaping @Sendable (_ timedOut: Bool) -> Void) {
        wait(in: \.waitingForLoading, unless: { $0.grace != nil }, atMost: limit, completion)
    }

    private func wait(
        in waiters: any WritableKeyPath<State, [UInt64: @Sendable (Bool) -> Void]> & Sendable, unless isOver: (State) -> Bool,
        atMost limit: Duration, _ completion: @escaping @Sendable (Bool) -> Void
    ) {
        let waiter = state.withLock { state -> UInt64? in
            guard !isOver(state) else { return nil }
            state.nextWaiter += 1
            state[keyPath: waiters][state.nextWaiter] = completion
            return state.nextWaiter
        }
        guard let waiter else { return completion(false) }
        actAsServer()
        Task {
            try? await Task.sleep(for: limit)
            self.state.withLock { $0[keyPath: waiters].removeValue(forKey: waiter) }?(true)
        }
    }

    /// Calls `completion` when what `operation` begins is done or `limit` has passed.
    func waiting(atMost limit: Duration, for operation: (@escaping Completion) -> Void, _ completion: @escaping Completion) {
        let isDone = DoneFlag()
        operation { if isDone.set() { completion() } }
        Task {
            try? await Task.sleep(for: limit)
            if isDone.set() { completion() }
        }
    }

    private final class DoneFlag: Sendable {
        private let flag = Atomic(false)
        /// Whether this is the first time.
        func set() -> Bool { flag.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged }
    }

    // MARK: The record of clients

    /// Puts a client on the record and calls `completion` when it is there.
    func record(_ client: Client, then completion: @escaping Completion) {
        call("record a client") {
            // Requests of one client ask together, and a client may be gone when its turn comes.
            guard !client.isGone, !client.isRecorded else { return }
            try await self.storage.add(client.owner)
            client.setRecorded()
        } then: {
            completion()
        }
    }

    /// Takes a client off the record, unless it has come back when its turn comes, and calls `completion` when it is off. The
    /// grace period does not wait for it any more.
    func remove(_ owner: [UInt8], unless isBack: @escaping @Sendable () -> Bool, then completion: @escaping Completion) {
        call("take a client off the record") {
            if !isBack() { try await self.storage.remove(owner) }
        } then: {
            completion()
        }
        if state.withLock({ $0.grace?.declareDead(owner) ?? false }) { end("all clients are back or gone") }
    }

    /// Leaves the record as the next instance is to find it, after a grace period that is over. Returns when that is done or
    /// `limit` has passed.
    func stop(holding owners: [[UInt8]], atMost limit: Duration) async {
        guard !isInGrace else { return }
        await withCheckedContinuation { done in
            waiting(
                atMost: limit,
                for: { completion in
                    call("finish the record of clients") {
                        try await self.storage.stop(holding: owners)
                    } then: {
                        completion()
                    }
                },
                { done.resume() })
        }
    }

    /// Runs `operation`, repeated until it succeeds, behind all earlier ones.
    private func call(_ purpose: String, _ operation: @escaping @Sendable () async throws -> Void, then completion: @escaping Completion) {
        actAsServer()
        state.withLock { state in
            let earlier = state.lastCall
            state.lastCall = Task {
                await earlier?.value
                // This task is never cancelled.
                try? await self.repeating(purpose, operation)
                completion()
            }
        }
    }

    /// - Throws: `CancellationError`.
    private func repeating(_ purpose: String, _ operation: () async throws -> Void) async throws {
        var pause = Duration.milliseconds(50)
        while true {
            do {
                return try await operation()
            } catch {
                log.error("cannot \(purpose), trying again; clients wait meanwhile", metadata: ["error": "\(error)"])
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(2))
        }
    }
}
