import NFSDaemon
import NFSServer
import RecoveryBackend
import Testing

@Suite("The record of clients in a recovery store")
struct RecoveryRecordTests {
    private let store = WatchedStore()
    private let hostname: ServerHostname

    init() throws { hostname = try #require(ServerHostname(rawValue: "volume")) }

    private func record() -> RecoveryRecord { RecoveryRecord(store: store, hostname: hostname) }

    /// Who may reclaim from an instance that starts now.
    private func listed() async throws -> Set<[UInt8]> { Set(try await record().open()) }

    private func owner(_ name: String) -> [UInt8] { Array(name.utf8) }

    @Test("the next instance finds the clients of the one before, once its record was put in force")
    func handOver() async throws {
        let first = record()
        #expect(try await first.open() == [])
        try await first.add(owner("one"))
        try await first.add([0, 0xff, 0x2f])
        // Only looked at: an instance that starts would fence this one.
        #expect(try await store.activeClients(of: hostname) == [])
        try await first.activate()
        #expect(try await listed() == [owner("one"), [0, 0xff, 0x2f]])
    }

    @Test("a client removed before activation is not in the version put in force, the others are")
    func removedBefore() async throws {
        let record = record()
        _ = try await record.open()
        for name in ["one", "two", "three"] { try await record.add(owner(name)) }
        try await record.remove(owner("two"))
        try await record.activate()
        #expect(try await listed() == [owner("one"), owner("three")])
    }

    @Test("clients added and removed after activation are, and are no longer, on the list")
    func changedAfter() async throws {
        let record = record()
        _ = try await record.open()
        try await record.add(owner("one"))
        try await record.activate()
        try await record.add(owner("two"))
        try await record.remove(owner("one"))
        #expect(try await listed() == [owner("two")])
    }

    @Test("no version is activated twice, whether a failed activation had its effect or not", arguments: [false, true])
    func neverTwice(_ hasEffect: Bool) async throws {
        let record = record()
        _ = try await record.open()
        try await record.add(owner("one"))
        for _ in 0..<3 {
            await store.failNextActivation(afterItsEffect: hasEffect)
            await #expect(throws: RecoveryError.self) { try await record.activate() }
        }
        try await record.add(owner("two"))
        try await record.activate()
        let activated = await store.activated
        #expect(activated.count == 4)
        #expect(Set(activated).count == 4)
        #expect(try await listed() == [owner("one"), owner("two")])
    }
}

/// A store in memory that notes which versions it is told to activate, and fails at it when asked to.
private actor WatchedStore: RecoveryStore {
    private let store = MemoryRecoveryStore()
    private(set) var activated: [RecoveryVersion] = []
    private var failsAfterEffect: Bool?

    func failNextActivation(afterItsEffect: Bool) { failsAfterEffect = afterItsEffect }

    func activate(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError) {
        activated.append(version)
        let failsAfterEffect = self.failsAfterEffect
        self.failsAfterEffect = nil
        if failsAfterEffect != false { try await store.activate(version, for: hostname) }
        if failsAfterEffect != nil { throw .unavailable("as the test asked for") }
    }

    func open(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError) {
        try await store.open(version, for: hostname)
    }

    func activeClients(of hostname: ServerHostname) async throws(RecoveryError) -> Set<ClientIdentity> {
        try await store.activeClients(of: hostname)
    }

    func add(_ client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname) async throws(RecoveryError) {
        try await store.add(client, to: version, of: hostname)
    }

    func remove(_ client: ClientIdentity, of hostname: ServerHostname) async throws(RecoveryError) {
        try await store.remove(client, of: hostname)
    }

    func add(
        _ handle: RevokedFileHandle, of client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname
    ) async throws(RecoveryError) {
        try await store.add(handle, of: client, to: version, of: hostname)
    }

    func close() async { await store.close() }
}
