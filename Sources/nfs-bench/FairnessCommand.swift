import ArgumentParser
import ChildProcesses
import Foundation

struct FairnessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fairness", abstract: "Measures what one client notices of the load that another makes, and prints a line of JSON.",
        discussion: """
            A client asks for attributes, one request at a time: first alone, then while another client, in a process of its own, keeps \
            many WRITEs of 1 MiB outstanding.
            """)

    @Argument(help: "The server as HOST:PORT:/EXPORT.")
    var server: String

    /// With the slot that the client prepares with, as many as Linux asks for.
    @Option(name: .shortAndLong, help: "WRITEs the other client keeps outstanding.")
    var slots = 63

    @Option(name: .shortAndLong, help: "How long each of the two measurements takes.")
    var duration = 5.0

    @Option(help: "Fail when the 99th percentile grows by more than this factor.")
    var limit: Double?

    private struct Outcome: Encodable {
        var alone: Measurement
        var besideWrites: Measurement
        /// How many times as long the 99th percentile is.
        var growth: Double
    }

    func validate() throws {
        guard Endpoint(argument: server) != nil else { throw ValidationError("the server is to be given as HOST:PORT:/EXPORT") }
    }

    func run() async throws {
        let alone = try await measure()
        // Longer than is measured: it prepares its files first.
        let arguments = ["run", server, Workload.write1m.rawValue, "--slots", "\(slots)", "--duration", "\(duration + 3600)"]
        let other = try ChildProcess("/proc/self/exe", arguments, log: "/dev/stderr")
        defer { other.kill() }
        try await Task.sleep(for: .seconds(3))
        let besideWrites = try await measure()
        guard other.isRunning else { throw LoadFailure("the client that writes has ended") }
        let outcome = Outcome(alone: alone, besideWrites: besideWrites, growth: besideWrites.p99 / alone.p99)
        print(try outcome.json())
        if let limit, outcome.growth > limit { throw ExitCode.failure }
    }

    private func measure() async throws -> Measurement {
        try await Measurement.of(
            .getattr, Load(connections: 1, slots: 1, seconds: duration), on: Endpoint(argument: server)!, serverPID: nil)
    }
}
