import ChildProcesses
import Glibc

/// A `recovery-backend` with its records in memory, which a test may stop for a while.
package actor BackendUnderTest {
    private let executor = BlockingExecutor()
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let process: ChildProcess
    /// The base URL of its interface.
    package nonisolated let url: String

    /// - Parameter arguments: beyond those for a free port and records in memory.
    package init(_ arguments: [String] = []) throws {
        let process = try ChildProcess(
            ServerUnderTest.directoryOfThisProgram() + "/recovery-backend",
            ["serve", "--listen", "127.0.0.1:0", "--store", "memory"] + arguments,
            log: "/dev/null")
        self.process = process
        guard let line = process.readLine(timeout: 30), let address = line.split(separator: " ").last else {
            process.kill()
            throw StartFailure(log: "recovery-backend did not become ready")
        }
        url = "\(arguments.contains("--tls-key") ? "https" : "http")://\(address)/v1/recoverybackend"
    }

    deinit { process.kill() }

    /// Keeps it from answering.
    package func pause() { Glibc.kill(process.id, SIGSTOP) }
    package func resume() { Glibc.kill(process.id, SIGCONT) }
}
