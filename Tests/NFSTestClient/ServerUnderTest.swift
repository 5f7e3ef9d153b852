import ChildProcesses
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
        /// `NAME=VALUE`, added to the environment.
        package var environment: [String] = []

        package init(
            lease: Int = 60, grace: Int = 90, extraArguments: [String] = [], exportRules: [String: String] = [:], environment: [String] = []
        ) {
            self.lease = lease
            self.grace = grace
            self.extraArguments = extraArguments
            self.exportRules = exportRules
            self.environment = environment
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
        return directory
    }

    package static func directoryOfThisProgram() -> String {
        guard let resolved = realpath("/proc/self/exe", nil) else { return "" }
        defer { free(resolved) }
        let path = String(cString: resolved)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }

    /// Starts the server, on a port that is free whoever else runs, and waits until it says it is ready.
    /// - Parameter arguments: for this instance alone.
    package func start(_ arguments: [String] = []) throws {
        guard try launch(arguments, crashingAt: nil) else {
            kill()
            throw StartFailure(log: (try? readFile("\(directory)/log")) ?? "")
        }
    }

    /// Starts the server as `start` does, to end itself as a power failure would when it comes to `point`.
    /// - Returns: whether it became ready before.
    @discardableResult
    package func start(crashingAt point: String, _ arguments: [String] = []) throws -> Bool {
        try launch(arguments, crashingAt: point)
    }

    private func launch(_ arguments: [String], crashingAt point: String?) throws -> Bool {
        let process = try ChildProcess(
            Self.executable,
            [
                "serve", "--config", "\(directory)/config.yaml", "--listen", "127.0.0.1:0",
                "--lease", "\(settings.lease)", "--grace", "\(settings.grace)", "--hostname", "conformance", "--allow-unmounted",
                "--admin-socket", "\(directory)/admin",
            ] + settings.extraArguments + arguments, log: "\(directory)/log",
            environment: settings.environment + (point.map { ["REMUDA_CRASH_AT=\($0)"] } ?? []))
        server = process
        Self.write(pid: process.id, in: directory)
        guard let line = process.readLine(timeout: 30), line.hasPrefix("ready"), let word = line.split(separator: " ").last,
            let (host, port) = RemoteServer.hostAndPort(word)
        else { return false }
        address = (host, port)
        return true
    }

    /// Waits until the server has ended itself, and cleans up behind it.
    /// - Returns: false when it did not within `timeout` seconds.
    package func hasCrashed(timeout: Int = 20) -> Bool {
        defer { kill() }
        return server?.isEnded(by: SIGKILL, timeout: timeout) ?? false
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

    package func start(afterKill arguments: [String]) throws {
        kill()
        try start(arguments)
    }

    /// Makes the next instance the first on its volume.
    package func removeJournal() { unlink("\(directory)/export/.remuda/journal") }

    package func journal() throws -> String { try readFile("\(directory)/export/.remuda/journal") }

    /// The exit code of a server that ends by itself within `timeout` seconds.
    package func exitCode(timeout: Int) -> Int32? {
        defer { kill() }
        return server?.exitCode(timeout: timeout)
    }

    /// Runs another command of the program and returns the first line it prints; nil when it prints none.
    package func command(_ arguments: [String]) throws -> String? {
        let process = try ChildProcess(Self.executable, arguments, log: "\(directory)/log")
        defer { process.kill() }
        return process.readLine(timeout: 30)
    }

    /// Asks the server to end, and waits until it has ended itself on the way.
    /// - Returns: false when it did not, or ended as it should.
    package func crashesWhenTerminated() -> Bool {
        server?.askToEnd()
        return hasCrashed()
    }

    /// Asks the server to end and returns its exit code, or nil when a signal ended it or it did not end within `timeout` seconds.
    package func terminate(timeout: Int = 20) -> Int32? {
        defer { kill() }
        return server?.terminate(timeout: timeout)
    }

    /// Has the server read `configuration` in place of the one it has, and returns when it has taken it over or refused it.
    /// - Returns: what the log says meanwhile.
    package func reload(_ configuration: String) async throws -> String {
        let before = try log().utf8.count
        try Self.write(configuration, to: "\(directory)/config.yaml")
        server?.hangUp()
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            let said = String(decoding: try log().utf8.dropFirst(before), as: UTF8.self)
            if said.contains("configuration read again") || said.contains("the configuration is refused") { return said }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw StartFailure(log: try log())
    }

    /// Whether the server has anything open in or below a directory.
    package func hasOpen(below path: String) throws -> Bool {
        guard let server, let listing = opendir("/proc/\(server.id)/fd") else { throw ConnectionError.failed(errno) }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var target = [CChar](repeating: 0, count: 4096)
            let count = readlink("/proc/\(server.id)/fd/\(name)", &target, target.count)
            let text = String(decoding: target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text == path || text.hasPrefix(path + "/") { return true }
        }
        return false
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

    package var description: String { "nfs-server did not become ready, or does not read its configuration again; its log says:\n\(log)" }
}
