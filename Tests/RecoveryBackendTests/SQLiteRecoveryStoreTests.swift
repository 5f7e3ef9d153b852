import Foundation
import GRDB
import RecoveryBackend
import Testing

@Suite struct SQLiteRecoveryStoreTests {
    static let host: ServerHostname = "share-manager-pvc-1"
    static let version: RecoveryVersion = "VERSION1"

    private func withActiveVersion(_ body: (SQLiteRecoveryStore, String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/not/yet/there/recovery.sqlite"
            let store = try SQLiteRecoveryStore(path: path)
            try await store.open(Self.version, for: Self.host)
            try await store.add("1:a", to: Self.version, of: Self.host)
            try await store.activate(Self.version, for: Self.host)
            try await body(store, path)
            await store.close()
        }
    }

    @Test func commitsAreSynchronised() async throws {
        try await withActiveVersion { store, _ in
            let full = 2
            let synchronous = try await store.database.read { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
            let journal = try await store.database.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
            #expect(synchronous == full)
            #expect(journal == "wal")
        }
    }

    @Test func whatWasAnsweredIsInTheFilesOfAKilledProcess() async throws {
        try await withActiveVersion { store, path in
            try await store.add("1:b", to: Self.version, of: Self.host)
            // The files as they are while the store is open are what a killed process leaves.
            try await withTemporaryDirectory { copy in
                let directory = URL(filePath: path).deletingLastPathComponent().path
                for name in ["recovery.sqlite", "recovery.sqlite-wal"] {
                    try FileManager.default.copyItem(atPath: "\(directory)/\(name)", toPath: "\(copy)/\(name)")
                }
                let successor = try SQLiteRecoveryStore(path: copy + "/recovery.sqlite")
                #expect(try await successor.activeClients(of: Self.host) == ["1:a", "1:b"])
                await successor.close()
            }
        }
    }

    @Test func aReopenedFileHasItsRecords() async throws {
        try await withActiveVersion { store, path in
            await store.close()
            let successor = try SQLiteRecoveryStore(path: path)
            #expect(try await successor.activeClients(of: Self.host) == ["1:a"])
            await successor.close()
        }
    }

    @Test func readingTheListWritesNothing() async throws {
        try await withActiveVersion { store, path in
            let size = { try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int }
            let before = try size()
            for _ in 0..<100 { _ = try await store.activeClients(of: Self.host) }
            #expect(try size() == before)
        }
    }

    @Test func twoProcessesMayShareTheFile() async throws {
        try await withActiveVersion { store, path in
            let other = try SQLiteRecoveryStore(path: path)
            try await other.add("1:b", to: Self.version, of: Self.host)
            #expect(try await store.activeClients(of: Self.host) == ["1:a", "1:b"])
            await other.close()
        }
    }

    @Test func revokedFileHandlesAreKeptWithTheirClientAndGoWithIt() async throws {
        try await withActiveVersion { store, _ in
            let handles = { try await store.database.read { try String.fetchAll($0, sql: "SELECT handle FROM revokedFileHandle") } }
            for handle in ["AAAA", "AAAA", "BBBB"] as [RevokedFileHandle] {
                try await store.add(handle, of: "1:a", to: Self.version, of: Self.host)
            }
            #expect(try await handles() == ["AAAA", "BBBB"])
            try await store.remove("1:a", of: Self.host)
            #expect(try await handles() == [])
        }
    }

    @Test func onlyThisUserMayEnterTheDirectory() async throws {
        try await withActiveVersion { _, path in
            let directory = URL(filePath: path).deletingLastPathComponent().path
            let attributes = try FileManager.default.attributesOfItem(atPath: directory)
            #expect(attributes[.posixPermissions] as? Int == 0o700)
        }
    }

    @Test func aFullDiskIsUnavailable() async throws {
        try await withActiveVersion { store, _ in
            try store.database.inDatabase { try $0.execute(sql: "PRAGMA max_page_count = 1") }
            await expectUnavailable("free some space") { () async throws(RecoveryError) in
                for number in 0..<1000 {
                    let client = ClientIdentity(owner: Array("\(number)".utf8) + [UInt8](repeating: 0, count: 1000))!
                    try await store.add(client, to: Self.version, of: Self.host)
                }
            }
            #expect(try await store.activeClients(of: Self.host).contains("1:a"))
        }
    }

    @Test func aFileThatAnotherProcessHoldsIsUnavailable() async throws {
        try await withActiveVersion { store, path in
            try store.database.inDatabase { try $0.execute(sql: "PRAGMA busy_timeout = 0") }
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let other = try DatabaseQueue(path: path, configuration: configuration)
            try other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
            await expectUnavailable("another process holds the file") { () async throws(RecoveryError) in
                try await store.add("1:b", to: Self.version, of: Self.host)
            }
            try other.inDatabase { try $0.execute(sql: "ROLLBACK") }
            try await store.add("1:b", to: Self.version, of: Self.host)
        }
    }

    @Test(.timeLimit(.minutes(1))) func aDiskThatDoesNotAnswerHoldsNobodyUp() async throws {
        try await withTemporaryDirectory { directory in
            let clock = ManualClock()
            let store = try SQLiteRecoveryStore(path: directory + "/recovery.sqlite", patience: .seconds(3), clock: clock)
            try await store.open(Self.version, for: Self.host)
            let (end, continuation) = AsyncStream.makeStream(of: Void.self)
            // Whatever the file system does for long, it does on the thread of the database.
            let release = DispatchSemaphore(value: 0)
            store.database.asyncWriteWithoutTransaction { _ in
                release.wait()
                continuation.yield()
            }
            async let passing: Void = clock.advance()
            await expectUnavailable("has not answered") { () async throws(RecoveryError) in
                try await store.add("1:a", to: Self.version, of: Self.host)
            }
            await passing
            // Time stands still from here on, so that this one cannot wait.
            await expectUnavailable("has not answered") { () async throws(RecoveryError) in
                try await store.add("1:b", to: Self.version, of: Self.host)
            }
            release.signal()
            _ = await end.first { _ in true }
            // What was refused may have had its effect; what comes now works.
            while (try? await store.add("1:c", to: Self.version, of: Self.host)) == nil { await Task.yield() }
            let clients = try await store.details(of: Self.host).versions[0].clients.map(\.id)
            #expect(clients == ["1:a", "1:c"])
            await store.close()
        }
    }

    @Test func callsThatComeTogetherShareATransactionAndFailAlone() async throws {
        try await withActiveVersion { store, _ in
            let results = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let version: RecoveryVersion = number % 2 == 0 ? Self.version : "UNKNOWN1"
                        return (try? await store.add(ClientIdentity(owner: Array("\(number)".utf8))!, to: version, of: Self.host)) != nil
                    }
                }
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(results == [true: 100, false: 100])
            let clients = try await store.activeClients(of: Self.host)
            #expect(clients.count == 101)
        }
    }

    @Test func aFileThatCannotBeWrittenAnyMoreIsUnavailable() async throws {
        try await withActiveVersion { store, _ in
            try store.database.inDatabase { try $0.execute(sql: "PRAGMA query_only = ON") }
            await expectUnavailable("name a path this user may write to") { () async throws(RecoveryError) in
                try await store.add("1:b", to: Self.version, of: Self.host)
            }
        }
    }

    @Test func recordsOfTheFirstReleaseAreTakenOver() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/recovery.sqlite"
            let old = try DatabaseQueue(path: path)
            try await old.write { database in
                try database.execute(
                    sql: """
                        CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
                        INSERT INTO grdb_migrations VALUES ('versions, clients, revoked filehandles');
                        CREATE TABLE version (
                            id INTEGER PRIMARY KEY AUTOINCREMENT, hostname TEXT NOT NULL, version TEXT NOT NULL,
                            active INTEGER NOT NULL DEFAULT FALSE, UNIQUE (hostname, version)) STRICT;
                        CREATE UNIQUE INDEX activeVersion ON version (hostname) WHERE active;
                        CREATE TABLE client (
                            id INTEGER PRIMARY KEY, versionID INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,
                            identity TEXT NOT NULL, UNIQUE (versionID, identity)) STRICT;
                        CREATE TABLE revokedFileHandle (
                            clientID INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE, handle TEXT NOT NULL,
                            PRIMARY KEY (clientID, handle)) STRICT, WITHOUT ROWID;
                        INSERT INTO version VALUES (1, 'h', 'VERSION1', TRUE), (2, 'h', 'VERSION2', FALSE), (3, 'h', 'VERSION3', FALSE);
                        INSERT INTO client VALUES (1, 1, '1:a'), (2, 2, '1:a'), (3, 3, '1:b');
                        """)
            }
            try old.close()
            try await closing(SQLiteRecoveryStore(path: path)) { store in
                let details = try await store.details(of: "h")
                #expect(details.versions.map(\.state) == [.active, .superseded, .pending])
                #expect(details.versions.map { $0.clients.map(\.id) } == [["1:a"], [], ["1:b"]])
                #expect(abs(details.versions[2].opened.timeIntervalSinceNow) < 60)
                try await store.activate("VERSION3", for: "h")
                #expect(try await store.activeClients(of: "h") == ["1:b"])
            }
        }
    }

    @Test func somethingElseThanADatabaseIsRefusedAndLeftAlone() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/notes.txt"
            let notes = Data(String(repeating: "These are notes. ", count: 100).utf8)
            try notes.write(to: URL(filePath: path))
            await expectUnavailable("move it away") { () async throws(RecoveryError) in _ = try SQLiteRecoveryStore(path: path) }
            #expect(try Data(contentsOf: URL(filePath: path)) == notes)
        }
    }

    @Test func recordsOfANewerReleaseAreRefused() async throws {
        try await withActiveVersion { store, path in
            try await store.database.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('of the future')") }
            await expectUnavailable("newer release") { () async throws(RecoveryError) in _ = try SQLiteRecoveryStore(path: path) }
        }
    }

    @Test(arguments: ["/proc/none/recovery.sqlite", "/dev/null/recovery.sqlite", "/"])
    func aPathThatCannotBeWrittenIsRefused(_ path: String) async {
        await expectUnavailable("name a path this user may write to") { () async throws(RecoveryError) in
            _ = try SQLiteRecoveryStore(path: path)
        }
    }

    private func expectUnavailable(
        _ advice: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws(RecoveryError) -> Void
    ) async {
        let error = await #expect(throws: RecoveryError.self, sourceLocation: sourceLocation) { try await body() }
        guard case .unavailable(let reason) = error else {
            Issue.record("\(String(describing: error)) is not 'unavailable'", sourceLocation: sourceLocation)
            return
        }
        #expect(reason.contains(advice), sourceLocation: sourceLocation)
    }
}
