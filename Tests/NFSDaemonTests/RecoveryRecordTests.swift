import Foundation
import Logging
import NFSDaemon
import NFSServer
import RecoveryBackend
import Synchronization
import Testing

@Suite("The record of clients in the journal and in the backend that follows it", .timeLimit(.minutes(1)))
final class RecoveryRecordTests {
    private let directory = "\(NSTemporaryDirectory())/record-tests-\(UUID().uuidString)"
    private let store = WatchedStore()
    private let hostname: ServerHostname
    private var following: [Task<Void, Never>] = []
    private let events = Events()

    private final class Events: Sendable {
        let supersededBy = Mutex<[String]>([])
        let declaredDead = Mutex<Set<[UInt8]>>([])
    }

    init() throws { hostname = try #require(ServerHostname(rawValue: "volume")) }

    deinit {
        for task in following { task.cancel() }
        try? FileManager.default.removeItem(atPath: directory)
    }

    private func owner(_ name: String) -> [UInt8] { Array(name.utf8) }

    private var log: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    /// An instance whose journal is in `place` and which the backend follows.
    private func record(in place: String = "journal") throws -> RecoveryRecord {
        let follower = BackendFollower(store: store, hostname: hostname, log: log)
        following.append(
            Task { [events] in
                await follower.run(
                    BackendFollower.Events(
                        superseded: { reason in events.supersededBy.withLock { $0.append(reason) } },
                        declaredDead: { owner in events.declaredDead.withLock { _ = $0.insert(owner) } }))
            })
        return try RecoveryRecord(directory: "\(directory)/\(place)", backend: follower, deadline: .milliseconds(500), log: log)
    }

    /// Who is on the record that the backend has in force, without the marker; nil when there is none.
    private func following() async -> Set<[UInt8]>? {
        guard let clients = try? await store.activeClients(of: hostname).compactMap(\.owner), !clients.isEmpty else { return nil }
        return Set(clients.filter { JournalMarker($0) == nil })
    }

    private func eventually(_ what: Comment, _ condition: () async -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(20)
        while await !condition() {
            try #require(ContinuousClock.now < end, what)
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test("the backend gets every change, while nobody waits for it")
    func follows() async throws {
        let record = try record()
        await store.setAvailable(false)
        #expect(await (try? record.open()) == nil)
        await store.setAvailable(true)
        #expect(try await record.open() == [])
        await store.setAvailable(false)
        for name in ["one", "two", "three"] { try await record.add(owner(name)) }
        try await record.remove(owner("two"))
        try await record.activate()
        try await record.add(owner("four"))
        #expect(await following() == nil)
        await store.setAvailable(true)
        try await eventually("it is in step") { await following() == [owner("one"), owner("three"), owner("four")] }
        try await record.remove(owner("one"))
        try await eventually("it is in step") { await following() == [owner("three"), owner("four")] }
        try await record.stop(holding: [owner("four")])
        try await eventually("it is in step") { await following() == [owner("four")] }
    }

    @Test("a backend that lost the record gets all of it again")
    func lost() async throws {
        let record = try record()
        _ = try await record.open()
        try await record.add(owner("one"))
        try await record.activate()
        try await eventually("it is in step") { await following() == [owner("one")] }
        await store.lose()
        try await record.add(owner("two"))
        try await eventually("it is in step") { await following() == [owner("one"), owner("two")] }
        #expect(events.supersededBy.withLock { $0.isEmpty })
    }

    @Test("no version is activated twice, whether a failed activation had its effect or not", arguments: [false, true])
    func neverTwice(_ hasEffect: Bool) async throws {
        let record = try record()
        _ = try await record.open()
        try await record.add(owner("one"))
        await store.failActivations(3, afterTheirEffect: hasEffect)
        try await record.activate()
        try await eventually("the fourth succeeds") { await store.activated.count == 4 }
        #expect(Set(await store.activated).count == 4)
        try await eventually("it is in step") { await following() == [owner("one")] }
    }

    @Test("the record of another server that comes later fences this one", arguments: [true, false])
    func superseded(hasMarker: Bool) async throws {
        let older = try record(in: "older")
        _ = try await older.open()
        try await older.add(owner("one"))
        try await older.activate()
        try await eventually("it is in step") { await following() == [owner("one")] }
        if hasMarker {
            let newer = try record(in: "newer")
            #expect(try await newer.open() == [owner("one")])
            try await newer.add(owner("two"))
            try await newer.activate()
        } else {
            var generator = SystemRandomNumberGenerator()
            let version = RecoveryVersion(using: &generator)
            try await store.open(version, for: hostname)
            try await store.add(#require(ClientIdentity(owner: owner("two"))), to: version, of: hostname)
            try await store.activate(version, for: hostname)
        }
        try await eventually("it is in force") { await following() == [owner("two")] }
        try await older.add(owner("three"))
        try await eventually("the older one is told") { events.supersededBy.withLock { !$0.isEmpty } }
        #expect(await following() == [owner("two")])
    }

    @Test("an instance that was cut off while its successor begins is told, and does not take the record")
    func cutOff() async throws {
        let older = try record(in: "older")
        _ = try await older.open()
        try await older.add(owner("one"))
        await store.failActivations(1_000, afterTheirEffect: false)
        try await older.activate()
        try await eventually("it tries") { await !store.activated.isEmpty }
        await store.setAvailable(false)
        // The successor reaches the backend first, and is in its grace period.
        let successor: RecoveryVersion = try #require(RecoveryVersion(rawValue: "SUCCEED1"))
        try await store.openElsewhere(successor, for: hostname)
        await store.setAvailable(true)
        try await eventually("the older one is told") { events.supersededBy.withLock { !$0.isEmpty } }
        await store.failActivations(0, afterTheirEffect: false)
        try await store.activate(successor, for: hostname)
    }

    @Test("who is deleted at the backend while grace lasts is declared dead")
    func declaredDead() async throws {
        do {
            let former = try record()
            _ = try await former.open()
            for name in ["one", "two"] { try await former.add(owner(name)) }
            try await former.activate()
            try await eventually("it is in step") { await following() == [owner("one"), owner("two")] }
        }
        for task in following { task.cancel() }
        for task in following { await task.value }
        following = []
        let record = try record(in: "elsewhere")
        #expect(try await Set(record.open()) == [owner("one"), owner("two")])
        try await store.remove(#require(ClientIdentity(owner: owner("two"))), of: hostname)
        try await eventually("it is noticed") { events.declaredDead.withLock { $0 == [owner("two")] } }
    }

    @Test("a client that calls itself what markers are called is not taken for one")
    func reservedName() async throws {
        let name = owner("remuda-journal other 99")
        let record = try record()
        _ = try await record.open()
        try await record.add(name)
        try await record.add(owner("one"))
        try await record.activate()
        try await eventually("it is in step") { await following() == [owner("one")] }
        #expect(try await store.activeClients(of: hostname).compactMap(\.owner).allSatisfy { $0 != name })
    }
}

/// A store in memory that can be away, fail, and forget.
private actor WatchedStore: RecoveryStore {
    private var store = MemoryRecoveryStore()
    private(set) var activated: [RecoveryVersion] = []
    private var failures = 0
    private var failsAfterEffect = false
    private var isAvailable = true

    func failActivations(_ count: Int, afterTheirEffect: Bool) { (failures, failsAfterEffect) = (count, afterTheirEffect) }
    func setAvailable(_ isAvailable: Bool) { self.isAvailable = isAvailable }
    func lose() { store = MemoryRecoveryStore() }
    /// Reached by another server, whether this one can reach it or not.
    func openElsewhere(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError) {
        try await store.open(version, for: hostname)
    }

    private func requireAvailable() throws(RecoveryError) {
        if !isAvailable { throw .unavailable("as the test asked for") }
    }

    func activate(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError) {
        try requireAvailable()
        activated.append(version)
        let fails = failures > 0
        failures -= fails ? 1 : 0
        if !fails || failsAfterEffect { try await store.activate(version, for: hostname) }
        if fails { throw .unavailable("as the test asked for") }
    }

    func open(
        _ version: RecoveryVersion, replacing replaced: RecoveryVersion?, for hostname: ServerHostname
    ) async throws(RecoveryError) {
        try requireAvailable()
        try await store.open(version, replacing: replaced, for: hostname)
    }

    func activeClients(of hostname: ServerHostname) async throws(RecoveryError) -> Set<ClientIdentity> {
        try requireAvailable()
        return try await store.activeClients(of: hostname)
    }

    func add(_ clients: Set<ClientIdentity>, to version: RecoveryVersion, of hostname: ServerHostname) async throws(RecoveryError) {
        try requireAvailable()
        try await store.add(clients, to: version, of: hostname)
    }

    func remove(_ client: ClientIdentity, of hostname: ServerHostname) async throws(RecoveryError) {
        try requireAvailable()
        try await store.remove(client, of: hostname)
    }

    func add(
        _ handle: RevokedFileHandle, of client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname
    ) async throws(RecoveryError) {
        try await store.add(handle, of: client, to: version, of: hostname)
    }

    func close() async { await store.close() }
}
