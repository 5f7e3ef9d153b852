import Foundation
import RecoveryBackend
import Synchronization
import Testing

/// What the service's own stores do beyond the contract.
@Suite struct HostRegistryTests {
    static let host: ServerHostname = "share-manager-pvc-1"
    static let (first, second, third): (RecoveryVersion, RecoveryVersion, RecoveryVersion) = ("FIRST001", "SECOND02", "THIRD003")

    /// A store in which `first` is active with clients `a` and `b`.
    private func withActiveVersion(_ kind: StoreKind, _ body: (any HostRegistry) async throws -> Void) async throws {
        try await kind.withRegistry { store in
            try await store.open(Self.first, for: Self.host)
            for client in ["1:b", "1:a"] as [ClientIdentity] { try await store.add(client, to: Self.first, of: Self.host) }
            try await store.activate(Self.first, for: Self.host)
            try await body(store)
        }
    }

    @Test(arguments: StoreKind.registries) func hostsAreListedInOrderPageByPage(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            // In the order of bytes a hyphen comes before letters, and capitals before small letters.
            let names: [ServerHostname] = ["Z", "a", "a-b", "ab", "share-manager-pvc-1", "share-manager-pvc-1x"]
            for name in names where name != Self.host { try await store.open(Self.second, for: name) }
            var found: [HostSummary] = []
            for _ in 0..<4 { found += try await store.hosts(after: found.last?.hostname, limit: 2) }
            #expect(found.map(\.hostname) == names)
            #expect(found.map(\.clients) == [0, 0, 0, 0, 2, 0])
            #expect(found.map(\.activeVersion) == [nil, nil, nil, nil, Self.first, nil])
            #expect(found.map(\.pendingVersion) == [Self.second, Self.second, Self.second, Self.second, nil, Self.second])
            #expect(try await store.statistics() == RegistryStatistics(hosts: 6, hostsInGrace: 5))
        }
    }

    @Test(arguments: StoreKind.registries) func theDetailsShowWhoIsAwaitedDuringGrace(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.add("AAAA", of: "1:a", to: Self.first, of: Self.host)
            #expect(try await store.details(of: Self.host).grace == nil)
            try await store.open(Self.second, for: Self.host)
            try await store.open(Self.third, for: Self.host)
            for client in ["1:a", "1:c"] as [ClientIdentity] { try await store.add(client, to: Self.third, of: Self.host) }
            let details = try await store.details(of: Self.host)
            #expect(details.grace?.version == Self.third)
            #expect(details.grace?.awaited == ["1:b"])
            #expect(details.versions.map(\.version) == [Self.first, Self.second, Self.third])
            #expect(details.versions.map(\.state) == [.active, .superseded, .pending])
            #expect(details.versions.map { $0.clients.map(\.id) } == [["1:a", "1:b"], [], ["1:a", "1:c"]])
            #expect(details.versions.map { $0.activated != nil } == [true, false, false])
            #expect(details.versions[0].clients[0].revokedFileHandles == ["AAAA"])
            let times = details.versions.map(\.opened) + details.versions[0].clients.map(\.added) + [details.seen]
            #expect(times.allSatisfy { abs($0.timeIntervalSinceNow) < 60 })

            try await store.remove("1:b", of: Self.host)
            #expect(try await store.details(of: Self.host).grace?.awaited == [])
            try await store.activate(Self.third, for: Self.host)
            let after = try await store.details(of: Self.host)
            #expect(after.grace == nil)
            #expect(after.versions.map(\.state) == [.superseded, .superseded, .active])
            #expect(try await store.statistics() == RegistryStatistics(hosts: 1, hostsInGrace: 0))
        }
    }

    @Test(arguments: StoreKind.registries) func aDeletedHostIsUnknownAndMayComeBack(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.delete(Self.host)
            let unknown = RecoveryError.unknownHost(Self.host)
            await #expect(throws: unknown) { try await store.delete(Self.host) }
            await #expect(throws: unknown) { _ = try await store.details(of: Self.host) }
            await #expect(throws: unknown) { try await store.add("1:a", to: Self.first, of: Self.host) }
            try await store.open(Self.first, for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [])
            #expect(try await store.details(of: Self.host).versions.map(\.clients.count) == [0])
        }
    }

    @Test(arguments: StoreKind.registries) func aVersionNeverPutInForceIsForgottenWhenItIsOld(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.open(Self.second, for: Self.host)
            try await store.add("1:a", to: Self.second, of: Self.host)
            try await store.open(Self.first, for: "never-finished")
            #expect(try await store.forgetPendingVersions(openedBefore: .now - 60) == 0)
            #expect(try await store.statistics() == RegistryStatistics(hosts: 2, hostsInGrace: 2))
            #expect(try await store.forgetPendingVersions(openedBefore: .now + 60) == 2)
            #expect(try await store.statistics() == RegistryStatistics(hosts: 1, hostsInGrace: 0))
            #expect(try await store.activeClients(of: Self.host) == ["1:a", "1:b"])
            await #expect(throws: RecoveryError.unknownVersion(Self.second, Self.host)) {
                try await store.add("1:a", to: Self.second, of: Self.host)
            }
            // Nobody is newer than the forgotten one, whose server may have been cut off and opens another.
            try await store.open("AGAIN000", replacing: Self.second, for: Self.host)
            // The version in force is still fenced: its server may have been replaced by one that lives elsewhere.
            await #expect(throws: RecoveryError.superseded(Self.first, Self.host)) {
                try await store.add("1:a", to: Self.first, of: Self.host)
            }
            try await store.open(Self.third, for: Self.host)
            try await store.activate(Self.third, for: Self.host)
            #expect(try await store.forgetPendingVersions(openedBefore: .now + 60) == 0)
        }
    }

    @Test(arguments: StoreKind.registries) func aHostNotSeenForLongIsForgotten(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            let recently = try await store.forgetHosts(unseenSince: .now - 60)
            let ever = try await store.forgetHosts(unseenSince: .now + 60)
            #expect(recently == 0)
            #expect(ever == 1)
            await #expect(throws: RecoveryError.unknownHost(Self.host)) { _ = try await store.activeClients(of: Self.host) }
        }
    }

    @Test(arguments: StoreKind.registries) func aServerThatOnlyReadsItsListIsHeardOf(_ kind: StoreKind) async throws {
        let (begin, hour) = (Date(timeIntervalSince1970: 1_800_000_000), TimeInterval(3600))
        let time = Mutex(begin)
        try await kind.withRegistry(now: { time.withLock { $0 } }) { store in
            for host in [Self.host, "silent"] {
                try await store.open(Self.first, for: host)
                try await store.activate(Self.first, for: host)
            }
            // Less often than a server does.
            for step in stride(from: 0, through: 30 * hour, by: 1800) {
                time.withLock { $0 = begin + step }
                _ = try await store.activeClients(of: Self.host)
                #expect(try await store.details(of: Self.host).seen > begin + step - 2 * hour)
            }
            #expect(try await store.forgetHosts(unseenSince: begin + 28 * hour) == 1)
            #expect(try await store.hosts(after: nil, limit: 10).map(\.hostname) == [Self.host])
        }
    }

    @Test(arguments: StoreKind.registries) func whatSaysWhoseARecordIsIsNoClient(_ kind: StoreKind) async throws {
        let marker = ClientIdentity(owner: Array("remuda-journal 0123 7".utf8))!
        try await withActiveVersion(kind) { store in
            try await store.add([marker, "16:a:remuda-journal"], to: Self.first, of: Self.host)
            #expect(try await store.activeClients(of: Self.host) == ["1:a", "1:b", "16:a:remuda-journal", marker])
            #expect(try await store.hosts(after: nil, limit: 1)[0].clients == 3)
            try await store.open(Self.second, for: Self.host)
            try await store.add([marker, "1:a"], to: Self.second, of: Self.host)
            let details = try await store.details(of: Self.host)
            #expect(details.grace?.awaited == ["16:a:remuda-journal", "1:b"])
            #expect(details.versions.map { $0.clients.count } == [3, 1])
        }
    }

    @Test(arguments: StoreKind.registries) func noMoreIsRecordedThanMayBe(_ kind: StoreKind) async throws {
        var limits = RegistryLimits()
        (limits.hosts, limits.clientsPerHost) = (2, 3)
        try await kind.withRegistry(limits: limits) { store in
            for host in ["h1", "h2"] as [ServerHostname] { try await store.open(Self.first, for: host) }
            let hosts = RecoveryError.full("there are 2 hosts already: delete those whose volume is gone, or raise the limit")
            await #expect(throws: hosts) { try await store.open(Self.first, for: "h3") }
            try await store.open(Self.second, for: "h2")

            let clients: [ClientIdentity] = ["1:a", "1:b", "1:c"]
            for client in clients { try await store.add(client, to: Self.first, of: "h1") }
            let full = RecoveryError.full("host h1 has 3 clients already: remove those that are gone, or raise the limit")
            await #expect(throws: full) { try await store.add("1:d", to: Self.first, of: "h1") }
            try await store.add("1:a", to: Self.first, of: "h1")
            try await store.activate(Self.first, for: "h1")
            #expect(try await store.activeClients(of: "h1") == Set(clients))
        }
    }
}
