import Foundation
import Logging
import NFSServer
import Subprocess
import Synchronization

/// Runs a program that prints the names of hosts that are dead, one a line, while the grace period lasts, and stops waiting for
/// their clients. A program that ends is run again.
struct DeadHosts: Sendable {
    let program: String
    let server: NFSServer
    let log: Logger

    /// Returns when the grace period is over or the task is cancelled.
    func watch() async {
        let dead = Names()
        while server.isInGrace, !Task.isCancelled {
            do {
                try await run(dead)
            } catch {
                guard !Task.isCancelled else { return }
                log.error("cannot run the dead-hosts-command", metadata: ["program": "\(program)", "error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private final class Names: Sendable {
        let all = Mutex<Set<String>>([])
    }

    /// Returns when the program has ended, or was ended because the grace period is over.
    private func run(_ dead: Names) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listen(dead) }
            group.addTask {
                while server.isInGrace {
                    declare(dead)
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            try await group.next()
            group.cancelAll()
        }
        declare(dead)
    }

    private func listen(_ dead: Names) async throws {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))]
        _ = try await Subprocess.run(
            .path(.init(program)), platformOptions: options, input: .none, output: .sequence, error: .currentStandardError
        ) { execution in
            for try await line in execution.standardOutput.strings() {
                let name = line.trimmingCharacters(in: .whitespaces)
                if !name.isEmpty { dead.all.withLock { _ = $0.insert(name) } }
            }
        }
    }

    private func declare(_ dead: Names) {
        let hosts = dead.all.withLock { $0 }
        server.declareDead(reason: "its host is dead") { owner in hosts.contains { Self.isClient(owner, of: $0) } }
    }

    /// Whether a client is of a host: Linux names clients `Linux NFSv4.1 HOST` or, with a uniquifier, `Linux NFSv4.1 X/HOST`. One
    /// of the words between spaces and slashes must be the host's name as a whole.
    static func isClient(_ owner: [UInt8], of host: String) -> Bool {
        owner.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "/") }.contains { $0.elementsEqual(host.utf8) }
    }
}
