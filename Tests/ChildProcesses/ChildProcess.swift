import Glibc

/// A process that writes lines to its standard output and lives until it is killed or its input ends.
package struct ChildProcess: Sendable {
    package let id: pid_t
    /// The other end is the child's standard input and output. Kept open as long as this process lives: its end is how the
    /// child learns of ours. A socket, because it can be made close-on-exec from its first moment.
    private let descriptor: Int32

    /// - Parameters:
    ///   - log: the file standard error is appended to.
    ///   - environment: what is added to that of this process, as `NAME=VALUE`.
    package init(_ executable: String, _ arguments: [String], log: String, environment: [String] = []) throws(SpawnFailure) {
        var pair: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw SpawnFailure(program: executable, code: errno)
        }
        defer { Glibc.close(pair[1]) }
        do throws(SpawnFailure) {
            id = try spawn(executable, arguments, environment: inheritedEnvironment() + environment) { actions in
                posix_spawn_file_actions_adddup2(&actions, pair[1], 0)
                posix_spawn_file_actions_adddup2(&actions, pair[1], 1)
                posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
            }
        } catch {
            Glibc.close(pair[0])
            throw error
        }
        descriptor = pair[0]
    }

    /// The next line of standard output, or nil when none came within `timeout` seconds.
    package func readLine(timeout: Int) -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        let deadline = ContinuousClock.now + .seconds(timeout)
        while ContinuousClock.now < deadline {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 100) > 0 else { continue }
            guard read(descriptor, &byte, 1) == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }

    package var isRunning: Bool { exit() == nil }

    /// Whatever it still writes to standard output, once it has closed that.
    package func readToEnd() -> String {
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while case let count = read(descriptor, &part, part.count), count > 0 { text += part[..<count] }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether a signal of this number ended the process within `timeout` seconds.
    package func isEnded(by signal: Int32, timeout: Int) -> Bool {
        let deadline = ContinuousClock.now + .seconds(timeout)
        while ContinuousClock.now < deadline {
            if let exit = exit() { return exit.si_code == CLD_KILLED && exit._sifields._sigchld.si_status == signal }
            usleep(10_000)
        }
        return false
    }

    /// Ends the process if it still runs and gives back what it used.
    package func kill() {
        Glibc.kill(id, SIGKILL)
        var status: Int32 = 0
        waitpid(id, &status, 0)
        Glibc.close(descriptor)
    }

    /// Ends the child's input, waits until it has ended and gives back what it used.
    package func finish() {
        Glibc.close(descriptor)
        var status: Int32 = 0
        waitpid(id, &status, 0)
    }

    /// Sends SIGTERM.
    package func askToEnd() { Glibc.kill(id, SIGTERM) }

    /// Sends SIGHUP.
    package func hangUp() { Glibc.kill(id, SIGHUP) }

    /// Sends SIGTERM; the exit code, or nil when a signal ended the process or the time (in seconds) is up.
    package func terminate(timeout: Int) -> Int32? {
        askToEnd()
        return exitCode(timeout: timeout)
    }

    /// The exit code, or nil when a signal ended the process or the time (in seconds) is up.
    package func exitCode(timeout: Int) -> Int32? {
        let deadline = ContinuousClock.now + .seconds(timeout)
        while ContinuousClock.now < deadline {
            if let exit = exit() { return exit.si_code == CLD_EXITED ? exit._sifields._sigchld.si_status : nil }
            usleep(10_000)
        }
        return nil
    }

    /// How the process ended, if it did; it stays a zombie until `kill`, so that its id is not used again.
    private func exit() -> siginfo_t? {
        var info = siginfo_t()
        guard waitid(P_PID, id_t(id), &info, WEXITED | WNOHANG | WNOWAIT) == 0, info.si_signo != 0 else { return nil }
        return info
    }
}
