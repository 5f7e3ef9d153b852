import Foundation

/// A program started by the tests, its output kept in files.
final class ChildProcess: Sendable {
    let name: String
    private let process: Process
    private let input: Pipe?
    private let outputFile: URL
    private let errorFile: URL

    /// - Parameter input: the other end of standard input; without it the program reads the end of file.
    init(_ arguments: [String], name: String, logs directory: URL, input: Pipe? = nil) throws {
        self.name = name
        self.input = input
        outputFile = directory.appending(path: "\(name).out")
        errorFile = directory.appending(path: "\(name).err")
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.standardInput = input ?? FileHandle.nullDevice
        process.standardOutput = try Self.created(outputFile)
        process.standardError = try Self.created(errorFile)
        try process.run()
    }

    private static func created(_ file: URL) throws -> FileHandle {
        try Data().write(to: file)
        return try FileHandle(forWritingTo: file)
    }

    var isRunning: Bool { process.isRunning && unnoticedEnd == nil }

    /// The status of a program that has ended, if Foundation has not noticed yet: it waits for the end of a descriptor, of which
    /// another program that was started at the same moment may have a copy.
    private var unnoticedEnd: Int32? {
        var info = siginfo_t()
        let result = waitid(P_PID, id_t(process.processIdentifier), &info, WEXITED | WNOHANG | WNOWAIT)
        guard result == 0, info.si_signo != 0 else { return nil }
        return info._sifields._sigchld.si_status
    }

    var output: String { (try? String(contentsOf: outputFile, encoding: .utf8)) ?? "" }
    var errors: String { (try? String(contentsOf: errorFile, encoding: .utf8)) ?? "" }

    /// The process that this one, a wrapper such as nsenter, waits for.
    var innerProcess: pid_t? {
        let pid = process.processIdentifier
        let children = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
        return children?.split(separator: " ").first.flatMap { pid_t($0) }
    }

    func send(_ line: String) throws {
        try input?.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
    }

    func closeInput() throws {
        try input?.fileHandleForWriting.close()
    }

    /// Waits until a server says that it is ready.
    func isReady() async throws {
        try await eventually("\(name) says that it is ready\n\(lastLines)", within: .seconds(20)) {
            guard isRunning else { throw TestFailure("\(name) ended\n\(lastLines)") }
            return output.hasPrefix("ready")
        }
    }

    /// SIGKILL to the wrapped program; returns when it is gone.
    func kill() async throws {
        try signal(SIGKILL)
        // The wrapper stops and goes on with the program, and this one will not go on.
        Glibc.kill(process.processIdentifier, SIGCONT)
        try await ended(within: .seconds(30))
    }

    /// Stops the wrapped program until it is killed.
    func pause() throws {
        try signal(SIGSTOP)
    }

    private func signal(_ number: Int32) throws {
        guard let pid = innerProcess else { throw TestFailure("\(name) has ended already\n\(lastLines)") }
        Glibc.kill(pid, number)
    }

    /// The exit status.
    @discardableResult
    func ended(within limit: Duration) async throws -> Int32 {
        var status: Int32?
        try await eventually("\(name) ends", within: limit) {
            status = unnoticedEnd ?? (process.isRunning ? nil : process.terminationStatus)
            return status != nil
        }
        return status ?? process.terminationStatus
    }

    /// What to show of it when a test fails.
    var lastLines: String {
        [output, errors].map { $0.split(separator: "\n").suffix(15).joined(separator: "\n") }.joined(separator: "\n")
    }
}
