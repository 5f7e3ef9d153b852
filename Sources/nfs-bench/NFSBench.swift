import ArgumentParser
import Foundation

@main
struct NFSBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nfs-bench",
        abstract: "Loads an NFSv4.1 server and measures it.",
        discussion: """
            A client needs no mount and no privilege: it speaks to the server itself, with AUTH_SYS as root, and keeps a number of
            requests outstanding. It works in the directory nfs-bench of the export, which it leaves there for the next run.

            Workloads: \(Workload.allCases.map { "\($0.rawValue): \($0.meaning)" }.joined(separator: "; ")).
            """,
        subcommands: [RunCommand.self, CompareCommand.self, FairnessCommand.self])
}

/// How much load.
struct LoadOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "TCP connections, each a client of its own.")
    var connections = 1

    @Option(name: .shortAndLong, help: "Requests outstanding on each connection.")
    var slots = 16

    @Option(name: .shortAndLong, help: "How long to measure, after half a second that is not.")
    var duration = 5.0

    var load: Load { Load(connections: connections, slots: slots, seconds: duration) }

    func validate() throws {
        guard 1...1024 ~= connections else { throw ValidationError("--connections is a number from 1 to 1024") }
        guard 1...1024 ~= slots else { throw ValidationError("--slots is a number from 1 to 1024") }
        guard duration > 0 else { throw ValidationError("--duration is a number of seconds above 0") }
    }
}

extension Encodable {
    /// As one line of JSON.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
