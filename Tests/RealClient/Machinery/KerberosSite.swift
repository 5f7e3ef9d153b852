import Foundation
import KerberosLab

/// A Kerberos realm with its KDC, a server that has keys in it, and a client on which users get tickets: alice and bob, whom the
/// server's machine knows as well, and carol, whom it does not.
actor KerberosSite {
    static let serverName = "server.remuda.test"
    /// The numbers of the users on the client and, but for carol, on the server.
    private static let users = ["alice": 2001, "bob": 2002]

    nonisolated let client: KernelClient
    private let laboratory: Laboratory
    private let realm: TestRealm
    private var kdc: ChildProcess?
    private var server: ChildProcess?
    private var launches = 0

    /// Returns when the client can mount what the server exports: /vol with every flavor of Kerberos and AUTH_SYS, /private encrypted only.
    init(in laboratory: Laboratory) async throws {
        self.laboratory = laboratory
        async let client = KernelClient(node: "node-a", number: 1, in: laboratory)
        let directory = laboratory.directory
        realm = try await TestRealm(
            in: directory.appending(path: "realm").path, host: Laboratory.serverAddress, services: [Self.serverName],
            machines: ["node-a.remuda.test"], users: ["alice", "bob", "carol"])
        try Self.write(
            "127.0.0.1 localhost\n\(Laboratory.serverAddress) \(Self.serverName)\n10.9.0.2 node-a.remuda.test node-a\n", "hosts", in: realm)
        let accounts = Self.users.map { "\($0):x:\($1):\($1)::/:/bin/sh\n" }.joined()
        try Self.write("root:x:0:0::/:/bin/sh\n" + accounts, "passwd", in: realm)
        self.client = try await client
        try await laboratory.run("chmod", "-R", "a+rX", realm.directory)
        try await laboratory.run("mount", "--bind", "\(realm.directory)/passwd", "/etc/passwd")
        for name in ["vol", "private"] { try await laboratory.run("mkdir", "--mode", "0777", directory.appending(path: name).path) }
        try Self.write(
            """
            export:
              - {path: \(directory.path)/vol, pseudo: /vol, security: [krb5, krb5i, krb5p, sys], unknown-principals: refuse}
              - {path: \(directory.path)/private, pseudo: /private, security: [krb5p]}
            allow-unmounted: true
            listen: "\(Laboratory.serverAddress):2049"
            metrics-address: "\(Laboratory.serverAddress):9587"
            hostname: server
            keytab: \(realm.keytab)
            """, "server.yaml", in: realm)
        try startKDC()
        try await startServer()
        try await self.client.run("source \(Self.jobs) \(realm.directory); join_realm")
    }

    private static let jobs = Laboratory.sources.appending(path: "Jobs/kerberos.sh").path

    private static func write(_ text: String, _ name: String, in realm: TestRealm) throws {
        try text.write(toFile: "\(realm.directory)/\(name)", atomically: false, encoding: .utf8)
    }

    /// Runs a script on the client that may `mount_with` flavors and get a `ticket`.
    @discardableResult
    nonisolated func run(_ script: String) async throws -> String { try await start(script).finished() }

    nonisolated func start(_ script: String) throws -> Job { try client.start("source \(Self.jobs) \(realm.directory)\n" + script) }

    func startKDC() throws {
        launches += 1
        kdc = try laboratory.start("kdc-\(launches)", realm.kdcCommand)
    }

    func killKDC() async throws { try await kdc?.kill() }

    func startServer() async throws {
        launches += 1
        let program = Laboratory.programs.appending(path: "nfs-server").path
        let server = try laboratory.start(
            "nfs-server-\(launches)", ["env"] + realm.environment + [program, "serve", "--config", "\(realm.directory)/server.yaml"])
        self.server = server
        try await server.isReady()
    }

    /// Kills the server and starts it again.
    func restartServer() async throws {
        try await server?.kill()
        try await startServer()
    }

    /// What the server tells Prometheus.
    func metrics() async throws -> String {
        try await laboratory.get("http://\(Laboratory.serverAddress):9587/metrics")
    }

    /// What the server has taken of processors so far, in steps of 10 ms.
    func processorTime() throws -> Duration {
        let stat = try String(contentsOfFile: "/proc/\(server?.innerProcess ?? 0)/stat", encoding: .utf8)
        // Behind the name, which may hold anything: state, …, utime and stime as the 12th and 13th.
        let fields = stat.split(separator: ")").last?.split(separator: " ").dropFirst(11).prefix(2) ?? []
        return .milliseconds(fields.compactMap { Int($0) }.reduce(0, +) * 10)
    }

    /// What the server has said so far.
    var serverLog: [Substring] { server.map { ($0.output + $0.errors).split(separator: "\n") } ?? [] }
}
