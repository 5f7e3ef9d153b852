import Logging
import RecoveryBackend
import RecoveryJournal

/// Brings the record in a recovery backend in step with the journal's, without anybody waiting for it.
///
/// Not a queue of changes but the difference between what is wanted there and what is: it needs no more room than the clients
/// themselves, however long the backend is away.
package actor BackendFollower {
    private let store: any RecoveryStore
    private let hostname: ServerHostname
    private let log: Logger

    private typealias Record = (marker: JournalMarker?, clients: Set<[UInt8]>)

    /// How many clients are added by one call.
    private static let maximumTogether = 100

    // What is wanted.
    private var marker: JournalMarker?
    private var wanted: Set<ClientIdentity> = []
    private var wantsActive = false

    // What is there: nil when no version of ours is.
    private var version: RecoveryVersion?
    /// The last version that was opened, and the one that is being opened until there is an answer.
    private var (opened, opening): (RecoveryVersion?, RecoveryVersion?)
    /// What may be in the version; a call that failed may have had its effect.
    private var pushed: Set<ClientIdentity> = []
    private var missing: Set<ClientIdentity> = []
    private var surplus: Set<ClientIdentity> = []
    private var isActive = false
    private var onActive: @Sendable () async -> Void = {}

    /// The record that was in force when this instance began: who disappears from it was declared dead.
    private var former: Record?
    private var isLookDue = false
    /// A newer instance has the record: writing to it would take it from that one.
    private var isSuperseded = false

    private let (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// What the follower learns and others have to act upon.
    package struct Events: Sendable {
        /// A newer instance has the record: this one must not serve any more.
        package var superseded: @Sendable (_ reason: String) -> Void
        /// A client was taken off the record while the grace period waits for it.
        package var declaredDead: @Sendable (_ owner: [UInt8]) -> Void

        package init(superseded: @escaping @Sendable (String) -> Void, declaredDead: @escaping @Sendable ([UInt8]) -> Void) {
            self.superseded = superseded
            self.declaredDead = declaredDead
        }
    }

    package init(store: any RecoveryStore, hostname: ServerHostname, log: Logger) {
        self.store = store
        self.hostname = hostname
        self.log = log
    }

    // MARK: The start

    /// The record in force, if the backend tells it in time.
    package nonisolated func answer(within deadline: Duration) async -> BackendAnswer {
        // Not a task group: that would wait for a call that does not end.
        let (answers, answered) = AsyncStream.makeStream(of: BackendAnswer.self)
        let call = Task { answered.yield(await self.ask()) }
        let clock = Task {
            try? await Task.sleep(for: deadline)
            answered.yield(.silent("no answer within \(deadline)"))
        }
        defer {
            call.cancel()
            clock.cancel()
        }
        for await answer in answers { return answer }
        return .silent("cancelled")
    }

    private func ask() async -> BackendAnswer {
        do throws(RecoveryError) {
            let record: Record
            do throws(RecoveryError) {
                record = try await recordInForce()
            } catch .refused {
                // Longhorn's backend lists a host only after a version was opened for it.
                let version = Self.freshVersion()
                try await store.open(version, for: hostname)
                // Not after the deadline, when others may have been opened.
                if marker == nil { (self.version, opened) = (version, version) }
                record = try await recordInForce()
            }
            if former == nil, marker == nil { former = record }
            return .record(record.marker, record.clients)
        } catch {
            return .silent("\(error)")
        }
    }

    private func recordInForce() async throws(RecoveryError) -> Record {
        let owners: [[UInt8]]
        do throws(RecoveryError) {
            owners = try await store.activeClients(of: hostname).compactMap(\.owner)
        } catch .unknownHost {
            owners = []
        }
        return (owners.lazy.compactMap(JournalMarker.init).first, Set(owners.filter { JournalMarker($0) == nil }))
    }

    // MARK: What is wanted

    /// Begins a record of its own.
    /// - Parameter onActive: called when the backend has it in force.
    package func begin(_ marker: JournalMarker, onActive: @escaping @Sendable () async -> Void) {
        self.marker = marker
        self.onActive = onActive
        want(marker.owner)
    }

    package func add(_ owner: [UInt8]) {
        // The journal alone has a client that calls itself what markers are called.
        if !JournalMarker.isReserved(owner) { want(owner) }
    }

    private func want(_ owner: [UInt8]) {
        guard let client = ClientIdentity(owner: owner), wanted.insert(client).inserted else { return }
        surplus.remove(client)
        if !pushed.contains(client) { missing.insert(client) }
        changed.yield()
    }

    package func remove(_ owner: [UInt8]) {
        guard let client = ClientIdentity(owner: owner), wanted.remove(client) != nil else { return }
        missing.remove(client)
        if pushed.contains(client) { surplus.insert(client) }
        changed.yield()
    }

    package func activate() {
        wantsActive = true
        changed.yield()
    }

    /// Takes all clients but these off the record.
    package func retain(_ owners: [[UInt8]]) {
        let kept = Set(owners)
        for client in wanted {
            if let owner = client.owner, !kept.contains(owner), JournalMarker(owner) == nil { remove(owner) }
        }
    }

    /// Clients the backend has yet to add or remove.
    package var pendingChanges: Int { missing.count + surplus.count }

    /// Whether the backend has what is wanted.
    package var isInStep: Bool { version != nil && missing.isEmpty && surplus.isEmpty && isActive == wantsActive }

    // MARK: Following

    /// Follows until the task is cancelled.
    package func run(_ events: Events) async {
        await withTaskGroup { group in
            group.addTask { await self.watch() }
            for await _ in changes {
                await follow(events)
                if Task.isCancelled { break }
            }
            group.cancelAll()
        }
    }

    /// Looks from time to time what is in force: often while the grace period waits for clients that may be declared dead.
    private func watch() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: wantsActive ? .seconds(30) : .seconds(1))
            isLookDue = true
            changed.yield()
        }
    }

    private func follow(_ events: Events) async {
        var pause = Duration.milliseconds(100)
        var failures = 0
        while !Task.isCancelled, marker != nil, !isSuperseded {
            do throws(RecoveryError) {
                if isLookDue {
                    try await look(events)
                    isLookDue = false
                    if isSuperseded { return }
                }
                try await push()
                if failures > 0 { log.notice("the recovery backend follows the journal again") }
                return
            } catch {
                failures += 1
                handle(error, failures, events)
                if isSuperseded { return }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(5))
        }
    }

    private func handle(_ error: RecoveryError, _ failures: Int, _ events: Events) {
        switch error {
        case .superseded, .refused(status: 409, _): giveUp("\(error)", events)
        case .unknownHost, .unknownVersion, .unknownClient, .refused:
            // It lost the record, or a newer instance replaced it, which a look at it tells.
            abandonVersion()
            isLookDue = true
        case .malformed, .unavailable, .full: break
        }
        if failures == 1 {
            log.warning("the recovery backend is behind the journal, trying again and again", metadata: ["error": "\(error)"])
        }
    }

    private func giveUp(_ reason: String, _ events: Events) {
        isSuperseded = true
        events.superseded(reason)
    }

    /// The whole record is to be given anew, under another version.
    private func abandonVersion() {
        (version, pushed, missing, surplus, isActive) = (nil, [], wanted, [], false)
    }

    /// Opens a version of this instance, which is the latest one unless a newer instance has opened another.
    private func openVersion() async throws(RecoveryError) {
        let version = opening ?? Self.freshVersion()
        opening = version
        try await store.open(version, replacing: opened, for: hostname)
        abandonVersion()
        (self.version, opened, opening) = (version, version, nil)
        CrashPoint.backendOpenDone.reach()
    }

    private static func freshVersion() -> RecoveryVersion {
        var generator = SystemRandomNumberGenerator()
        return RecoveryVersion(using: &generator)
    }

    /// Makes the backend's record what is wanted.
    private func push() async throws(RecoveryError) {
        while true {
            // A version that is not in force yet gives no client back.
            if !isActive, !surplus.isEmpty { abandonVersion() }
            guard let version else {
                try await openVersion()
                continue
            }
            if !missing.isEmpty {
                let clients = Set(missing.prefix(Self.maximumTogether))
                pushed.formUnion(clients)
                try await store.add(clients, to: version, of: hostname)
                missing.subtract(clients)
                CrashPoint.backendAddDone.reach()
            } else if let client = surplus.first {
                try await store.remove(client, of: hostname)
                if wanted.contains(client) {
                    missing.insert(client)
                } else {
                    surplus.remove(client)
                    pushed.remove(client)
                }
                CrashPoint.backendRemoveDone.reach()
            } else if wantsActive, !isActive {
                do throws(RecoveryError) {
                    try await store.activate(version, for: hostname)
                } catch {
                    switch error {
                    // A fresh version would fence the newer instance.
                    case .superseded, .refused(status: 409, _): break
                    // It may have had its effect, and Longhorn's backend loses a version that is activated twice.
                    default: abandonVersion()
                    }
                    throw error
                }
                isActive = true
                CrashPoint.backendActivateDone.reach()
                await onActive()
            } else {
                return
            }
        }
    }

    /// Looks at the record in force: whether it is still this instance's, and who was declared dead.
    private func look(_ events: Events) async throws(RecoveryError) {
        let record: Record
        do throws(RecoveryError) {
            record = try await recordInForce()
        } catch .refused {
            // Longhorn's backend says so of a host that it does not have any more.
            return abandonVersion()
        }
        guard let marker, record.marker != marker else { return }
        guard wantsActive else {
            if let former, former.marker == record.marker {
                for owner in former.clients.subtracting(record.clients) { events.declaredDead(owner) }
            } else if former == nil {
                former = record
            }
            return
        }
        if let former, former.marker == record.marker, record.marker != nil || former.clients == record.clients {
            // Not yet replaced by this instance's.
            if isActive { abandonVersion() }
        } else if record.marker.map({ $0.lineage == marker.lineage && $0.instance < marker.instance }) ?? record.clients.isEmpty {
            // Lost, or an older instance was late.
            if isActive { abandonVersion() }
        } else {
            giveUp("the recovery backend has a record of \(hostname) in force that a newer instance of the server wrote", events)
        }
    }
}
