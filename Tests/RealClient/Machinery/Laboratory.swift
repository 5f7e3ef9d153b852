import Foundation

/// Namespaces of mounts, network and processes in which servers and clients live, and a directory for what they write.
///
/// The process `laboratory` keeps them; when it ends, also because the tests crashed, the kernel takes everything back.
/// The environment variable REAL_CLIENT_LOGS names a directory in which the output of all programs is to be kept.
final class Laboratory: Sendable {
    /// Address of the machine that runs the servers, on the network it shares with the clients.
    static let serverAddress = "10.9.0.1"
    /// Where this target's scripts are.
    static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    /// Where the package's programs are built: beside the test program.
    static let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    let directory: URL
    private let logs: URL
    private let keeper: ChildProcess
    private let keeperID: pid_t

    /// Runs `body` in a laboratory with so many kernels of clients, and servers that are kernels of their own.
    static func running(kernels: Int, _ body: (Laboratory) async throws -> Void) async throws {
        guard Requirements.missing.isEmpty else { throw TestFailure(Requirements.message) }
        let laboratory = try await Laboratory(clients: kernels)
        do {
            try await body(laboratory)
        } catch {
            try await laboratory.close()
            throw error
        }
        try await laboratory.close()
    }

    init(clients: Int) async throws {
        let name = "remuda-laboratory-\(UUID().uuidString)"
        directory = URL(filePath: "/var/tmp").appending(path: name)
        let keptLogs = ProcessInfo.processInfo.environment["REAL_CLIENT_LOGS"]
        logs = keptLogs.map { URL(filePath: $0).appending(path: name) } ?? directory
        for url in [directory, logs] { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
        let script = Self.sources.appending(path: "Machinery/laboratory").path
        keeper = try ChildProcess(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", script, directory.path, "\(clients)"],
            name: "laboratory", logs: logs, input: Pipe())
        let keeper = keeper
        try await eventually("the laboratory is ready\n\(keeper.lastLines)", within: .seconds(10)) {
            keeper.output.hasSuffix("ready\n") || !keeper.isRunning
        }
        guard let keeperID = keeper.innerProcess else { throw TestFailure("the laboratory does not start\n\(keeper.lastLines)") }
        self.keeperID = keeperID
    }

    /// Starts a program in the laboratory.
    func start(_ name: String, _ arguments: [String], input: Pipe? = nil) throws -> ChildProcess {
        let enter = ["nsenter", "--target", "\(keeperID)", "--mount", "--net", "--pid", "--"]
        return try ChildProcess(enter + arguments, name: name, logs: logs, input: input)
    }

    /// Runs a program in the laboratory to its end and returns what it printed; a status other than 0 is thrown.
    @discardableResult
    func run(_ arguments: String..., within limit: Duration = .seconds(60)) async throws -> String {
        let process = try start("command-\(UUID().uuidString)", arguments)
        guard try await process.ended(within: limit) == 0 else {
            throw TestFailure("\(arguments.joined(separator: " ")) failed\n\(process.lastLines)")
        }
        return process.output
    }

    /// What an HTTP server in the laboratory answers; an error status is thrown.
    func get(_ url: String) async throws -> String { try await run("curl", "--fail", "--silent", "--show-error", url) }

    func close() async throws {
        try keeper.closeInput()
        try await keeper.ended(within: .seconds(30))
    }
}
