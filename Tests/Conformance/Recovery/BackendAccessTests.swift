import ChildProcesses
import Foundation
import NFSTestClient
import Testing

@Suite("A recovery backend that asks for a token and a certificate", .ownProcess, .timeLimit(.minutes(2)))
final class BackendAccessTests {
    private let directory = "\(NSTemporaryDirectory())/backend-access-\(UUID().uuidString)"
    /// The names of what each end shows and trusts.
    private static let files = ["authority", "backend", "backend-key", "server", "server-key"]

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    @Test("the server's record gets there, also after token and certificates are replaced while both run")
    func replaced() async throws {
        try makeFiles(token: "first")
        let backend = try BackendUnderTest([
            "--token-file", path("backend-token"), "--tls-certificate", path("backend"), "--tls-key", path("backend-key"),
            "--tls-client-ca", path("authority"),
        ])
        var scene = try await RecoveryScene(
            ["a"],
            arguments: [
                "--recovery-url", backend.url, "--recovery-token-file", path("server-token"), "--recovery-ca", path("authority"),
                "--recovery-certificate", path("server"), "--recovery-key", path("server-key"),
            ])
        try await untilClients(are: 1, at: backend, token: "first")
        try makeFiles(token: "second")
        try await scene.join("b")
        try await untilClients(are: 2, at: backend, token: "second")
        #expect(try hosts(of: backend, token: "first") == "")
        #expect(await scene.server.isRunning)
    }

    private func path(_ name: String) -> String { "\(directory)/\(name).pem" }

    /// Replaces each file by renaming a new one over it, as is done with secrets that are mounted.
    private func makeFiles(token: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        let fresh = { [self] (name: String) in path("\(name)-fresh") }
        _ = try FinishedProgram(
            "/usr/bin/openssl",
            ["req", "-x509", "-subj", "/CN=authority", "-keyout", path("authority-key"), "-out", fresh("authority")] + key)
        for name in ["backend", "server"] {
            _ = try FinishedProgram(
                "/usr/bin/openssl",
                [
                    "req", "-x509", "-subj", "/O=\(name)", "-CA", fresh("authority"), "-CAkey", path("authority-key"), "-addext",
                    "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", fresh("\(name)-key"), "-out",
                    fresh(name),
                ] + key)
            try Data("\(token)\n".utf8).write(to: URL(filePath: path("\(name)-token")), options: .atomic)
        }
        for name in Self.files { #expect(rename(fresh(name), path(name)) == 0) }
    }

    /// The answer of /v1/hosts, empty when there is none.
    private func hosts(of backend: BackendUnderTest, token: String) throws -> String {
        try FinishedProgram(
            "/usr/bin/curl",
            [
                "-s", "--cacert", path("authority"), "--cert", path("server"), "--key", path("server-key"), "-H",
                "Authorization: Bearer \(token)", backend.url.replacing("/recoverybackend", with: "/hosts"),
            ]
        ).output
    }

    private func untilClients(are count: Int, at backend: BackendUnderTest, token: String) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try !hosts(of: backend, token: token).contains(#""clients":\#(count),"#) {
            try #require(ContinuousClock.now < end, "the record has \(count) clients")
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
