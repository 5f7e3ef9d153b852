import ChildProcesses
import Foundation
import RecoveryBackend
import Testing

/// What only a cluster can do and suffer. The contract itself is tested with that of the other stores.
@Suite(.enabled(if: EtcdServer.isExpected, "etcd is not installed: run scripts/install-dependencies test"), .timeLimit(.minutes(2)))
struct EtcdRecoveryStoreTests {
    static let host: ServerHostname = "share-manager-pvc-1"
    static let version: RecoveryVersion = "VERSION1"

    @Test func etcdIsInstalled() {
        #expect(EtcdServer.isInstalled, "run scripts/install-dependencies test")
    }

    private func store(_ endpoints: [String], prefix: String = "/test", timeout: Duration = .seconds(3)) throws -> EtcdRecoveryStore {
        var configuration = EtcdConfiguration(endpoints: endpoints)
        configuration.prefix = prefix
        configuration.timeout = timeout
        return try EtcdRecoveryStore(configuration)
    }

    /// Does as a server does while the backend is away for a moment.
    private func insisting(_ body: () async throws(RecoveryError) -> Void) async throws {
        for _ in 0..<200 {
            do throws(RecoveryError) {
                return try await body()
            } catch {
                guard case .unavailable = error else { throw error }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        Issue.record("the cluster does not come back")
    }

    @Test func twoReplicasLoseNothingWhileAMemberIsKilled() async throws {
        let members = try await EtcdServer.cluster(of: 3)
        // Each replica prefers another member, and one of them the member that is killed.
        let endpoints = members.map(\.endpoint)
        let replicas = try [store(endpoints), store(Array(endpoints.reversed()))]
        let hosts = (0..<4).map { ServerHostname(rawValue: "host-\($0)")! }
        for host in hosts { try await insisting { () async throws(RecoveryError) in try await replicas[0].open(Self.version, for: host) } }
        let clients = (0..<60).map { ClientIdentity(owner: Array("client \($0)".utf8))! }
        try await withThrowingTaskGroup { group in
            for (index, replica) in replicas.enumerated() {
                for host in hosts {
                    group.addTask {
                        for client in clients where client.rawValue.utf8.count % 2 == index || host != hosts[0] {
                            try await insisting { () async throws(RecoveryError) in
                                try await replica.add(client, to: Self.version, of: host)
                            }
                            try await insisting { () async throws(RecoveryError) in
                                try await replica.add(RevokedFileHandle(rawValue: "AAA\(index)")!, of: client, to: Self.version, of: host)
                            }
                        }
                    }
                }
            }
            group.addTask {
                try await Task.sleep(for: .milliseconds(300))
                members[0].kill()
            }
            try await group.waitForAll()
        }
        for host in hosts {
            try await insisting { () async throws(RecoveryError) in try await replicas[1].activate(Self.version, for: host) }
            let details = try await replicas[0].details(of: host)
            #expect(Set(details.versions[0].clients.map(\.id)) == Set(clients))
            guard host != hosts[0] else { continue }
            #expect(details.versions[0].clients.allSatisfy { $0.revokedFileHandles == ["AAA0", "AAA1"] })
        }

        // Without a majority nothing is answered, and that soon.
        members[1].kill()
        var error: RecoveryError?
        let first = await ContinuousClock().measure { error = await failure { _ = try await replicas[0].activeClients(of: hosts[0]) } }
        let second = await ContinuousClock().measure { error = await failure { _ = try await replicas[0].activeClients(of: hosts[0]) } }
        #expect("\(String(describing: error))".contains("no member of etcd answered"))
        // The one call gave up at its deadline, the other did not wait at all.
        #expect(second < first)
        for replica in replicas { await replica.close() }
        for member in members { member.kill() }
    }

    private func failure(_ body: () async throws -> Void) async -> RecoveryError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? RecoveryError
        }
    }

    @Test func oneOfTwoServersThatStartTogetherWins() async throws {
        let endpoint = try await EtcdServer.shared().endpoint
        let prefix = "/" + UUID().uuidString
        let replicas = try [
            store([endpoint], prefix: prefix, timeout: .seconds(20)), store([endpoint], prefix: prefix, timeout: .seconds(20)),
        ]
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<10 {
            let versions = (0..<8).map { _ in RecoveryVersion(using: &generator) }
            await withTaskGroup { group in
                for (index, version) in versions.enumerated() {
                    group.addTask { try? await replicas[index % 2].open(version, for: Self.host) }
                }
            }
            var writable: [RecoveryVersion] = []
            for version in versions where await failure({ try await replicas[0].activate(version, for: Self.host) }) == nil {
                writable.append(version)
            }
            let details = try await replicas[1].details(of: Self.host)
            #expect(writable.count == 1)
            #expect(details.versions.filter { $0.state == .active }.map(\.version) == writable)
            #expect(
                details.versions.map(\.version).suffix(8).sorted { $0.rawValue < $1.rawValue }
                    == versions.sorted { $0.rawValue < $1.rawValue })
        }
        for replica in replicas { await replica.close() }
    }

    @Test func theNextMemberIsAskedWhenOneIsDown() async throws {
        let endpoint = try await EtcdServer.shared().endpoint
        try await RawExchange.withSilentListener { silent in
            let endpoints = ["http://\(try RawExchange.freeAddress())", "http://\(silent)", endpoint]
            try await closing(store(endpoints, prefix: "/" + UUID().uuidString, timeout: .seconds(20))) { store in
                try await store.open(Self.version, for: Self.host)
                // From now on the member that answered is asked first.
                let time = try await ContinuousClock().measure { for _ in 0..<20 { _ = try await store.activeClients(of: Self.host) } }
                #expect(time < .seconds(20), "a member that says nothing holds up a call for a second")
            }
        }
    }

    @Test func aClusterThatIsNotThereIsUnavailableAtOnce() async throws {
        let address = try RawExchange.freeAddress()
        // Who waited for the deadline would wait for a day.
        try await closing(store(["http://\(address)"], timeout: .seconds(86400))) { store in
            guard case .unavailable(let reason) = await failure({ try await store.open(Self.version, for: Self.host) }) else {
                Issue.record("not 'unavailable'")
                return
            }
            #expect(reason.contains("no member of etcd answered: http://\(address)"))
        }
    }

    @Test(arguments: ["", "127.0.0.1:2379", "http://", "http://h:2379/v3", "ftp://h:1"]) func aWrongEndpointIsRefused(_ endpoint: String) {
        #expect(throws: RecoveryError.malformed("'\(endpoint)' is no endpoint of etcd: it has the form http://HOST:PORT")) {
            try store([endpoint])
        }
    }

    @Test func aUserOfEtcdIsAuthenticated() async throws {
        let member = try await EtcdServer.cluster(on: [EtcdServer.freshHost()], arguments: ["--auth-token-ttl", "5"])[0]
        func administer(_ path: String, _ body: String) async throws {
            let answer = try await FinishedProgram.output(of: "/usr/bin/curl", ["-s", "\(member.endpoint)/v3/auth/\(path)", "-d", body])
            #expect(!answer.contains("error"), "\(path)")
        }
        try await administer("user/add", #"{"name":"root","password":"secret"}"#)
        try await administer("user/grant", #"{"user":"root","role":"root"}"#)
        try await administer("enable", "{}")
        try await withTemporaryDirectory { directory in
            let file = directory + "/credentials"
            var configuration = EtcdConfiguration(endpoints: [member.endpoint])
            await #expect(throws: RecoveryError.self) {
                try await closing(EtcdRecoveryStore(configuration)) { try await $0.open(Self.version, for: Self.host) }
            }
            (configuration.attempt, configuration.timeout) = (.seconds(20), .seconds(20))
            configuration.credentials = file
            #expect(throws: RecoveryError.malformed("\(file) is to hold NAME:PASSWORD of a user of etcd")) {
                try EtcdRecoveryStore(configuration)
            }
            try Data("root:secret\n".utf8).write(to: URL(filePath: file))
            try await closing(EtcdRecoveryStore(configuration)) { store in
                try await store.open(Self.version, for: Self.host)
                // Longer than a token lives.
                try await Task.sleep(for: .seconds(11))
                try await store.activate(Self.version, for: Self.host)
            }
        }
        member.kill()
    }

    @Test func etcdMayAskForACertificate() async throws {
        try await withTemporaryDirectory { directory in
            let host = EtcdServer.freshHost()
            let certificates = try await Certificates(of: host, in: directory)
            let server = certificates.server
            let member = try await EtcdServer.cluster(
                on: [host],
                arguments: [
                    "--cert-file", server.certificate!, "--key-file", server.key!, "--trusted-ca-file", certificates.authority,
                    "--client-cert-auth",
                ])[0]
            var configuration = EtcdConfiguration(endpoints: [member.endpoint])
            // Of a certificate that is missing, the client learns by waiting: only then is patience short.
            let (attempt, timeout) = (configuration.attempt, configuration.timeout)
            (configuration.attempt, configuration.timeout) = (.seconds(20), .seconds(20))
            configuration.tls = certificates.client
            try await closing(EtcdRecoveryStore(configuration)) { try await $0.open(Self.version, for: Self.host) }
            (configuration.attempt, configuration.timeout) = (attempt, timeout)
            configuration.tls = TLSFiles(authority: certificates.authority)
            await #expect(throws: RecoveryError.self) {
                try await closing(EtcdRecoveryStore(configuration)) { try await $0.open(Self.version, for: Self.host) }
            }
            member.kill()
        }
    }
}
