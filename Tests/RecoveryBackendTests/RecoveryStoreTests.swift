import RecoveryBackend
import Testing

/// What every store has to do, whichever it is.
@Suite struct RecoveryStoreTests {
    static let host: ServerHostname = "share-manager-pvc-1"
    static let otherHost: ServerHostname = "share-manager-pvc-2"
    static let (first, second, third): (RecoveryVersion, RecoveryVersion, RecoveryVersion) = ("FIRST001", "SECOND02", "THIRD003")
    static let (one, other): (ClientIdentity, ClientIdentity) = ("26:Linux NFSv4.1 test-client-1", "8:0x612f62")

    /// A store in which `first` is active and lists both clients.
    private func withActiveVersion(_ kind: StoreKind, _ body: (any RecoveryStore) async throws -> Void) async throws {
        try await kind.with { store in
            try await store.open(Self.first, for: Self.host)
            try await store.add(Self.one, to: Self.first, of: Self.host)
            try await store.add(Self.other, to: Self.first, of: Self.host)
            try await store.activate(Self.first, for: Self.host)
            try await body(store)
        }
    }

    @Test(arguments: StoreKind.allCases) func clientsAreListedOnceTheirVersionIsActive(_ kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.open(Self.first, for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [])
            try await store.add(Self.one, to: Self.first, of: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [])
            try await store.activate(Self.first, for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.one])
            try await store.add(Self.other, to: Self.first, of: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.one, Self.other])
        }
    }

    @Test(arguments: StoreKind.allCases) func addingAClientTwiceIsAddingItOnce(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.add(Self.one, to: Self.first, of: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.one, Self.other])
        }
    }

    @Test(arguments: StoreKind.allCases) func aServerKilledDuringGraceLeavesTheOldList(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.open(Self.second, for: Self.host)
            try await store.add(Self.one, to: Self.second, of: Self.host)
            try await store.open(Self.third, for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.one, Self.other])
        }
    }

    @Test(arguments: StoreKind.allCases) func activationReplacesTheListAndWhatWasOpenedBefore(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.open(Self.second, for: Self.host)
            try await store.open(Self.third, for: Self.host)
            try await store.add(Self.other, to: Self.third, of: Self.host)
            try await store.activate(Self.third, for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.other])
            for gone in [Self.first, Self.second] {
                await #expect(throws: RecoveryError.superseded(gone, Self.host)) {
                    try await store.add(Self.one, to: gone, of: Self.host)
                }
            }
        }
    }

    @Test(arguments: StoreKind.allCases) func whoeverOpensAVersionFencesTheEarlierOnes(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.open(Self.second, for: Self.host)
            try await store.add(Self.one, to: Self.second, of: Self.host)
            try await store.open(Self.third, for: Self.host)
            try await store.add(Self.other, to: Self.third, of: Self.host)
            for fenced in [Self.first, Self.second] {
                let superseded = RecoveryError.superseded(fenced, Self.host)
                await #expect(throws: superseded) { try await store.open(fenced, for: Self.host) }
                await #expect(throws: superseded) { try await store.add("1:x", to: fenced, of: Self.host) }
                await #expect(throws: superseded) { try await store.add("AAAA", of: Self.one, to: fenced, of: Self.host) }
                await #expect(throws: superseded) { try await store.activate(fenced, for: Self.host) }
            }
            #expect(try await store.activeClients(of: Self.host) == [Self.one, Self.other])
            try await store.activate(Self.third, for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.other])
        }
    }

    @Test(arguments: StoreKind.allCases) func aFencedServerStaysFencedAfterItsSuccessorsGrace(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.open(Self.second, for: Self.host)
            try await store.activate(Self.second, for: Self.host)
            await #expect(throws: RecoveryError.superseded(Self.first, Self.host)) {
                try await store.add(Self.one, to: Self.first, of: Self.host)
            }
            #expect(try await store.activeClients(of: Self.host) == [])
        }
    }

    @Test(arguments: StoreKind.allCases) func activatingAgainKeepsTheClients(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.activate(Self.first, for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.one, Self.other])
        }
    }

    @Test(arguments: StoreKind.allCases) func openingAVersionAgainEmptiesIt(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.open(Self.first, for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [])
            try await store.add(Self.other, to: Self.first, of: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.other])
        }
    }

    @Test(arguments: StoreKind.allCases) func aClientIsRemovedFromTheActiveVersionOnly(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.open(Self.second, for: Self.host)
            try await store.add(Self.one, to: Self.second, of: Self.host)
            try await store.remove(Self.one, of: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.other])
            try await store.activate(Self.second, for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.one])
        }
    }

    @Test(arguments: StoreKind.allCases) func removingWhatIsNotThereSucceeds(_ kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.open(Self.first, for: Self.host)
            try await store.remove(Self.one, of: Self.host)
            try await store.activate(Self.first, for: Self.host)
            try await store.remove(Self.one, of: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [])
        }
    }

    @Test(arguments: StoreKind.allCases) func aRevokedFileHandleBelongsToAClientOfTheVersion(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            for _ in 0..<2 { try await store.add("-_8=", of: Self.one, to: Self.first, of: Self.host) }
            #expect(try await store.activeClients(of: Self.host) == [Self.one, Self.other])
            await #expect(throws: RecoveryError.unknownClient("1:x", Self.first, Self.host)) {
                try await store.add("AAAA", of: "1:x", to: Self.first, of: Self.host)
            }
        }
    }

    @Test(arguments: StoreKind.allCases) func hostsDoNotTouchEachOther(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            try await store.open(Self.first, for: Self.otherHost)
            try await store.activate(Self.first, for: Self.otherHost)
            try await store.remove(Self.one, of: Self.otherHost)
            #expect(try await store.activeClients(of: Self.otherHost) == [])
            #expect(try await store.activeClients(of: Self.host) == [Self.one, Self.other])
        }
    }

    @Test(arguments: StoreKind.allCases) func anUnknownHostIsSaidToBeUnknown(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            let unknown = RecoveryError.unknownHost(Self.otherHost)
            await #expect(throws: unknown) { try await store.activeClients(of: Self.otherHost) }
            await #expect(throws: unknown) { try await store.activate(Self.first, for: Self.otherHost) }
            await #expect(throws: unknown) { try await store.add(Self.one, to: Self.first, of: Self.otherHost) }
            await #expect(throws: unknown) { try await store.remove(Self.one, of: Self.otherHost) }
            await #expect(throws: unknown) { try await store.add("AAAA", of: Self.one, to: Self.first, of: Self.otherHost) }
        }
    }

    @Test(arguments: StoreKind.allCases) func whatIsNotTheVersionOpenedLastIsSupersededAndChangesNothing(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            let superseded = RecoveryError.superseded(Self.second, Self.host)
            await #expect(throws: superseded) { try await store.activate(Self.second, for: Self.host) }
            await #expect(throws: superseded) { try await store.add(Self.one, to: Self.second, of: Self.host) }
            await #expect(throws: superseded) { try await store.add("AAAA", of: Self.one, to: Self.second, of: Self.host) }
            let clients = try await store.activeClients(of: Self.host)
            #expect(clients == [Self.one, Self.other])
        }
    }

    @Test(arguments: StoreKind.allCases) func aServerThatDiesAgainAndAgainLeavesFewVersions(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            var generator = SeededGenerator(seed: 5)
            let opened = (0..<20).map { _ in RecoveryVersion(using: &generator) }
            for version in opened { try await store.open(version, for: Self.host) }
            let clients = try await store.activeClients(of: Self.host)
            #expect(clients == [Self.one, Self.other])
            // Also those whose names are forgotten.
            for old in opened.dropLast() {
                let superseded = RecoveryError.superseded(old, Self.host)
                await #expect(throws: superseded) { try await store.add(Self.one, to: old, of: Self.host) }
                await #expect(throws: superseded) { try await store.open("LATEST00", replacing: old, for: Self.host) }
            }
            try await store.activate(opened[19], for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [])
        }
    }

    @Test(arguments: StoreKind.allCases) func anInstanceOpensAFurtherVersionUnlessANewerOneHas(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            // Twice, as after an answer that was lost.
            for _ in 0..<2 { try await store.open(Self.second, replacing: Self.first, for: Self.host) }
            try await store.add(Self.one, to: Self.second, of: Self.host)
            await #expect(throws: RecoveryError.superseded(Self.first, Self.host)) {
                try await store.open(Self.third, replacing: Self.first, for: Self.host)
            }
            try await store.activate(Self.second, for: Self.host)
            #expect(try await store.activeClients(of: Self.host) == [Self.one])
            // A store that lost the host knows of nobody newer.
            try await store.open(Self.third, replacing: Self.second, for: Self.otherHost)
        }
    }

    @Test(arguments: StoreKind.allCases) func manyClientsAreAddedTogetherWithThoseThatAreThere(_ kind: StoreKind) async throws {
        try await withActiveVersion(kind) { store in
            let many = Set((0..<300).map { ClientIdentity(owner: Array("client \"\($0)\\".utf8))! }).union([Self.one])
            try await store.add(many, to: Self.first, of: Self.host)
            #expect(try await store.activeClients(of: Self.host) == many.union([Self.other]))
            try await store.open(Self.second, for: Self.host)
            await #expect(throws: RecoveryError.superseded(Self.first, Self.host)) {
                try await store.add(many, to: Self.first, of: Self.host)
            }
        }
    }

    @Test(arguments: StoreKind.allCases) func randomHistoriesEndAsInMemory(_ kind: StoreKind) async throws {
        try await StoreKind.memory.with { memory in
            try await kind.with { store in
                var generator = SeededGenerator(seed: 6)
                for step in 0..<600 {
                    let call = Call.random(using: &generator)
                    let (expected, found) = (await call.outcome(in: memory), await call.outcome(in: store))
                    try #require(expected == found, "step \(step): \(call)")
                }
            }
        }
    }
}

/// One call of a random history: few names, so that they meet often.
private enum Call {
    case open(RecoveryVersion, ServerHostname)
    case activeClients(ServerHostname)
    case activate(RecoveryVersion, ServerHostname)
    case add(ClientIdentity, RecoveryVersion, ServerHostname)
    case remove(ClientIdentity, ServerHostname)
    case revoke(ClientIdentity, RecoveryVersion, ServerHostname)

    static func random(using generator: inout SeededGenerator) -> Call {
        let version = RecoveryVersion(rawValue: "VERSION\(Int.random(in: 0...9, using: &generator))")!
        let hostname = ServerHostname(rawValue: "host\(Int.random(in: 0...1, using: &generator))")!
        let client = ClientIdentity(rawValue: "1:\(Int.random(in: 0...4, using: &generator))")!
        return switch Int.random(in: 0...11, using: &generator) {
        case 0: .open(version, hostname)
        case 1: .activate(version, hostname)
        case 2: .remove(client, hostname)
        case 3: .revoke(client, version, hostname)
        case 4...7: .add(client, version, hostname)
        default: .activeClients(hostname)
        }
    }

    func outcome(in store: any RecoveryStore) async -> Result<Set<ClientIdentity>, RecoveryError> {
        do throws(RecoveryError) {
            switch self {
            case .open(let version, let hostname): try await store.open(version, for: hostname)
            case .activeClients(let hostname): return .success(try await store.activeClients(of: hostname))
            case .activate(let version, let hostname): try await store.activate(version, for: hostname)
            case .add(let client, let version, let hostname): try await store.add(client, to: version, of: hostname)
            case .remove(let client, let hostname): try await store.remove(client, of: hostname)
            case .revoke(let client, let version, let hostname):
                try await store.add("AAAA", of: client, to: version, of: hostname)
            }
            return .success([])
        } catch {
            return .failure(error)
        }
    }
}
