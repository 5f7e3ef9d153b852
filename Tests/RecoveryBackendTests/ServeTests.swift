import ChildProcesses
import Foundation
import RecoveryBackend
import Testing

/// The program itself.
@Suite struct ServeTests {
    static let host: ServerHostname = "share-manager-pvc-1"

    @Test(arguments: ["127.0.0.1:0", "[::1]:0"]) func itServesUntilSIGTERM(_ listen: String) async throws {
        let program = try RunningProgram(["serve", "--listen", listen, "--store", "memory"])
        let address = try await program.ready()
        #expect(address.port != 0)
        #expect(address.host == ServiceAddress(rawValue: listen)?.host)
        try await withClient(of: address) { client in
            try await client.open("AB12CD34", for: Self.host)
            #expect(try await client.activeClients(of: Self.host) == [])
        }
        program.signal(SIGTERM)
        let end = try await program.end()
        #expect(end.status == 0)
        #expect(end.output == "")
    }

    @Test func recordsOutliveAKilledProcess() async throws {
        try await withTemporaryDirectory { directory in
            let arguments = ["serve", "--listen", "127.0.0.1:0", "--store", "sqlite:\(directory)/state/recovery.sqlite"]
            let killed = try RunningProgram(arguments)
            try await withClient(of: try await killed.ready()) { client in
                try await client.open("AB12CD34", for: Self.host)
                try await client.activate("AB12CD34", for: Self.host)
                try await client.add("1:a", to: "AB12CD34", of: Self.host)
            }
            killed.signal(SIGKILL)
            _ = try await killed.end()

            let successor = try RunningProgram(arguments)
            try await withClient(of: try await successor.ready()) { client in
                let clients = try await client.activeClients(of: Self.host)
                #expect(clients == ["1:a"])
            }
            successor.signal(SIGINT)
            #expect(try await successor.end().status == 0)
        }
    }

    static let wrong: [(arguments: [String], advice: String)] = [
        (["serve", "--listen", "9503"], "give ADDRESS:PORT, such as 0.0.0.0:9503"),
        (["serve", "--listen", "::1:9503"], "give ADDRESS:PORT, such as 0.0.0.0:9503"),
        (["serve", "--store", "sqlite:"], "invalid for '--store"),
        (["serve", "--log-level", "loud"], "invalid for '--log-level"),
        (["serve", "--listen", "192.0.2.1:0", "--store", "memory"], "choose another --listen ADDRESS:PORT"),
        (["serve", "--listen", "127.0.0.1:0", "--store", "sqlite:/proc/none/recovery.sqlite"], "name a path this user may write to"),
        (memory + ["--tls-certificate", "/dev/null"], "a service over TLS needs a certificate and its key: give both"),
        (memory + ["--tls-key", "/dev/null"], "a service over TLS needs a certificate and its key: give both"),
        (memory + ["--tls-client-ca", "/dev/null"], "a service over TLS needs a certificate and its key: give both"),
        (
            memory + ["--tls-certificate", "/dev/null", "--tls-key", "/dev/null"],
            "/dev/null holds no certificate in PEM form: give another file"
        ),
        (
            memory + ["--tls-certificate", "/none", "--tls-key", "/none"],
            "/none cannot be read: No such file or directory: give a file this user may read"
        ),
        (memory + ["--token-file", "/none"], "/none cannot be read: No such file or directory: give a file this user may read"),
        (memory + ["--token-file", "/dev/null"], "/dev/null is to hold a bearer token: one line of printable characters"),
        (memory + ["--forget-unseen", "1"], "what is forgotten is at least 2 hours old, and at most 1000000"),
        (
            ["serve", "--listen", "127.0.0.1:0", "--store", "etcd:h:2379"],
            "'h:2379' is no endpoint of etcd: it has the form http://HOST:PORT"
        ),
        (
            ["serve", "--listen", "127.0.0.1:0", "--store", "etcd:https://h:2379", "--etcd-key", "/dev/null"],
            "the key /dev/null is given without its certificate: give both"
        ),
        (
            ["serve", "--listen", "127.0.0.1:0", "--store", "etcd:http://h:2379", "--etcd-credentials", "/none"],
            "/none is to hold NAME:PASSWORD of a user of etcd"
        ),
    ]
    private static let memory = ["serve", "--listen", "127.0.0.1:0", "--store", "memory"]

    @Test(arguments: wrong) func itSaysWhatIsWrong(_ wrong: (arguments: [String], advice: String)) async throws {
        let end = try await RunningProgram(wrong.arguments).end()
        #expect(end.status != 0)
        #expect(end.output == "")
        // The first line says it; behind it there may be how flags are used.
        #expect(end.errors.split(separator: "\n").first?.contains(wrong.advice) == true, "\(end.errors)")
    }

    @Test func itSaysThatThePortIsInUse() async throws {
        try await RawExchange.withSilentListener { address in
            let end = try await RunningProgram(["serve", "--listen", address.rawValue, "--store", "memory"]).end()
            #expect(end.status != 0)
            #expect(end.errors == "Error: cannot listen on \(address): Address already in use: choose another --listen ADDRESS:PORT\n")
        }
    }
}

/// The built program as a process of its own.
private final class RunningProgram: Sendable {
    struct End {
        /// Its exit code; nil when a signal ended it.
        let status: Int32?
        let output: String
        let errors: String
    }

    private let process: ChildProcess
    private let log = FileManager.default.temporaryDirectory.appending(path: "recovery-backend-\(UUID().uuidString)").path

    init(_ arguments: [String]) throws {
        // The test bundle is an executable next to the products of the package.
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(filePath: bundle).deletingLastPathComponent().appending(path: "recovery-backend").path
        process = try ChildProcess(program, arguments, log: log)
    }

    deinit {
        process.kill()
        try? FileManager.default.removeItem(atPath: log)
    }

    /// Waits for the line that says where the program listens.
    func ready() async throws -> ServiceAddress {
        let line = await waiting { [process] in process.readLine(timeout: 60) } ?? ""
        try #require(line.hasPrefix("ready "))
        return try #require(ServiceAddress(rawValue: String(line.dropFirst("ready ".count))))
    }

    func signal(_ number: Int32) {
        kill(process.id, number)
    }

    /// Waits for the end of the program; the output is what it wrote since it was ready.
    func end() async throws -> End {
        let (output, status) = await waiting { [process] in (process.readToEnd(), process.exitCode(timeout: 60)) }
        return End(status: status, output: output, errors: try String(contentsOfFile: log, encoding: .utf8))
    }

    private func waiting<Result: Sendable>(for body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }
}
