import Foundation
import Logging
import NFSServer
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
                log.error("cannot run the dead-hosts-command", metadata: ["program": "\(program)", "error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private final class Names: Sendable {
        let all = Mutex<Set<String>>([])
    }

    private func run(_ dead: Names) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let handle = output.fileHandleForReading
        // Blocks until the program ends or closes its output.
        Thread.detachNewThread {
            var line: [UInt8] = []
            while let byte = try? handle.read(upToCount: 1)?.first {
                if byte != UInt8(ascii: "\n") {
                    line.append(byte)
                } else if case let name = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespaces), !name.isEmpty {
                    dead.all.withLock { _ = $0.insert(name) }
                    line = []
                }
            }
        }
        while server.isInGrace, !Task.isCancelled {
            let isRunning = process.isRunning
            if !isRunning { try? await Task.sleep(for: .milliseconds(50)) }
            let hosts = dead.all.withLock { $0 }
            server.declareDead(reason: "its host is dead") { owner in hosts.contains { Self.isClient(owner, of: $0) } }
            guard isRunning else { return }
            try? await Task.sleep(for: .milliseconds(100))
        }
        if process.isRunning { process.terminate() }
    }

    /// Whether a client is of a host: Linux names clients `Linux NFSv4.1 HOST` or, with a uniquifier, `Linux NFSv4.1 X/HOST`. One
    /// of the words between spaces and slashes must be the host's name as a whole.
    static func isClient(_ owner: [UInt8], of host: String) -> Bool {
        owner.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "/") }.contains { $0.elementsEqual(host.utf8) }
    }
}
