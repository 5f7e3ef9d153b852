import ChildProcesses
import Foundation
import RecoveryBackend
import Synchronization
import Testing

/// A real etcd on a loopback address of its own. It ends with this object, or with the process of the tests however that
/// ends, and its directory is gone then.
final class EtcdServer: Sendable {
    static let isInstalled = access("/usr/bin/etcd", X_OK) == 0
    /// On a machine that checks a change the tests fail rather than be left out.
    static let isExpected = isInstalled || ProcessInfo.processInfo.environment["CI"] == "true"

    let endpoint: String
    private let health: String
    private let process: Mutex<ChildProcess?>

    private static let first = Task { try await EtcdServer.cluster(of: 1)[0] }

    /// One server for all tests that only need one.
    static func shared() async throws -> EtcdServer { try await first.value }

    /// A loopback address to use the ports of etcd on: nobody takes them between the choice and the start.
    static func freshHost() -> String {
        "127.\(Int.random(in: 1...254)).\(Int.random(in: 0...255)).\(Int.random(in: 1...254))"
    }

    /// A cluster that answers.
    static func cluster(of count: Int) async throws -> [EtcdServer] {
        try await cluster(on: (0..<count).map { _ in freshHost() })
    }

    static func cluster(on hosts: [String], arguments: [String] = []) async throws -> [EtcdServer] {
        let servers = try hosts.map { try EtcdServer(host: $0, among: hosts, arguments) }
        for server in servers { try await server.answers() }
        return servers
    }

    private init(host: String, among hosts: [String], _ arguments: [String]) throws {
        let scheme = arguments.contains("--cert-file") ? "https" : "http"
        endpoint = "\(scheme)://\(host):2379"
        // Without TLS and without a certificate of ours, whatever the other address asks for.
        health = "http://\(host):2381"
        let directory = FileManager.default.temporaryDirectory.appending(path: "etcd-\(UUID().uuidString)").path
        // The shell reads until the other end, which is here, is closed.
        let script = #"directory=$1; shift; "$@" >/dev/null & cat >/dev/null; kill -9 $!; wait; rm -rf "$directory""#
        let process = try ChildProcess(
            "/bin/sh",
            [
                "-c", script, "etcd", directory, "/usr/bin/etcd", "--name", host, "--data-dir", directory, "--log-level", "fatal",
                "--listen-client-urls", endpoint, "--advertise-client-urls", endpoint, "--listen-peer-urls", "http://\(host):2380",
                "--listen-metrics-urls", health, "--initial-advertise-peer-urls", "http://\(host):2380", "--initial-cluster",
                hosts.map { "\($0)=http://\($0):2380" }.joined(separator: ","),
            ] + arguments, log: "/dev/null")
        self.process = Mutex(process)
    }

    deinit { kill() }

    func kill() { process.withLock { $0.take()?.finish() } }

    private func answers() async throws {
        for _ in 0..<400 {
            let status = try? await FinishedProgram.output(of: "/usr/bin/curl", ["-s", "\(health)/health"])
            if status?.contains("true") == true { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("etcd at \(endpoint) does not answer")
    }
}

extension FinishedProgram {
    /// What a program writes to standard output. Blocks nobody.
    static func output(of program: String, _ arguments: [String]) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try FinishedProgram(program, arguments).output }) }
        }
    }
}
