import Glibc

/// An `nfs-server` of its own on a directory of its own, which a test may kill and start again.
///
/// A guard process ends the server and removes its directory when the test process goes away, however it does.
package actor ServerUnderTest: SocketServer {
    package struct Settings: Sendable {
        /// Seconds.
        package var lease = 60
        /// Seconds.
        package var grace = 90
        package var extraArguments: [String] = []
        /// Keys of the export beside its paths, as the configuration file has them.
        package var exportRules: [String: String] = [:]

        package init(lease: Int = 60, grace: Int = 90, extraArguments: [String] = [], exportRules: [String: String] = [:]) {
            self.lease = lease
            self.grace = grace
            self.extraArguments = extraArguments
            self.exportRules = exportRules
        }
    }

    private let executor = BlockingExecutor()
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    package nonisolated let settings: Settings
    package nonisolated let directory: String
    package nonisolated let exportPath = ["conformance"]
    private let guardian: ChildProcess
    private var server: ChildProcess?
    private var address: (host: String, port: UInt16)?

    private static let executable = directoryOfThisProgram() + "/nfs-server"

    package static func start(_ settings: Settings = Settings()) async throws -> ServerUnderTest {
        guard access(executable, X_OK) == 0 else { throw StartFailure(log: "there is no \(executable), build it with swift build") }
        let server = try ServerUnderTest(settings)
        try await server.start()
        return server
    }

    private init(_ settings: Settings) throws {
        self.settings = settings
        directory = try Self.temporaryDirectory()
        let rules = settings.exportRules.map { "\n    \($0): \($1)" }.joined()
        try Self.write("export:\n  - path: \(directory)/export\n    pseudo: /conformance\(rules)\n", to: "\(directory)/config.yaml")
        let script = "read _; [ -s '\(directory)/pid' ] && kill -9 $(cat '\(directory)/pid'); rm -rf '\(directory)'"
        guardian = try ChildProcess("/bin/sh", ["-c", script], log: "/dev/null")
    }

    deinit {
        server?.kill()
        Self.write(pid: nil, in: directory)
        guardian.finish()
    }

    private static func temporaryDirectory() throws -> String {
        var template = Array("/tmp/remuda-conformance-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ConnectionError.failed(errno) }
        let directory = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        chmod(directory, 0o755)
        mkdir(directory + "/export", 0o777)
        chmod(directory + "/export", 0o777)
        mkdir(directory + "/state", 0o700)
        return directory
    }

    private static func directoryOfThisProgram() -> String {
        guard let resolved = realpath("/proc/self/exe", nil) else { return "" }
        defer { free(resolved) }
        let path = String(cString: resolved)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }

    /// Starts the server, on the port it had before when it is a restart, and waits until it says it is ready.
    package func start() throws {
        let listen = address.map { "\($0.host):\($0.port)" } ?? "127.0.0.1:0"
        let process = try ChildProcess(
            Self.executable,
            [
                "serve", "--config", "\(directory)/config.yaml", "--listen", listen, "--state-dir", "\(directory)/state",
                "--lease", "\(settings.lease)", "--grace", "\(settings.grace)", "--hostname", "conformance", "--allow-unmounted",
                "--admin-socket", "\(directory)/admin",
            ] + settings.extraArguments, log: "\(directory)/log")
        server = process
        Self.write(pid: process.id, in: directory)
        guard let line = process.readLine(timeout: 30), line.hasPrefix("ready"), let word = line.split(separator: " ").last,
            let (host, port) = RemoteServer.hostAndPort(word)
        else {
            kill()
            throw StartFailure(log: (try? readFile("\(directory)/log")) ?? "")
        }
        address = (host, port)
    }

    /// Ends the server as a power failure would.
    package func kill() {
        server?.kill()
        server = nil
        Self.write(pid: nil, in: directory)
    }

    package func restart() throws {
        kill()
        try start()
    }

    /// Asks the server to end and returns its exit code, or nil when a signal ended it or it did not end within `timeout` seconds.
    package func terminate(timeout: Int = 20) -> Int32? {
        defer { kill() }
        return server?.terminate(timeout: timeout)
    }

    /// Has an administrator revoke all opens and locks of a client.
    /// - Returns: the status of the HTTP response.
    package func revoke(_ clientID: UInt64) throws -> Int? {
        let exchange = try UnixSocket(path: "\(directory)/admin", waiting: 10)
        let path = "/v1/clients/\(String(clientID, radix: 16))/revoke"
        let response = try exchange.exchange("POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return response.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    package var processID: Int32? { server?.id }

    package var isRunning: Bool { server?.isRunning ?? false }

    /// Resident memory in bytes.
    package func residentBytes() throws -> Int {
        guard let server else { return 0 }
        let pages = try readFile("/proc/\(server.id)/statm").split(separator: " ")
        return (Int(pages[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    package func log() throws -> String { try readFile("\(directory)/log") }

    package func socket(timeout: Int) throws -> SocketExchange {
        guard let address else { throw StartFailure(log: "the server was never started") }
        return try SocketExchange(host: address.host, port: address.port, timeout: timeout)
    }

    private static func write(pid id: Int32?, in directory: String) {
        try? write(id.map { "\($0)\n" } ?? "", to: "\(directory)/pid")
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw ConnectionError.failed(errno) }
        fputs(text, file)
        fclose(file)
    }

    private func readFile(_ path: String) throws -> String {
        guard let file = fopen(path, "r") else { throw ConnectionError.failed(errno) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(byte)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

package struct StartFailure: Error, CustomStringConvertible {
    package let log: String

    package var description: String { "nfs-server did not become ready; its log says:\n\(log)" }
}
