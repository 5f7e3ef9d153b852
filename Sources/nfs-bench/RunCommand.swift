import ArgumentParser

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Measures workloads and prints a line of JSON for each.")

    @Argument(help: "The server as HOST:PORT:/EXPORT.")
    var server: Endpoint

    @Argument(help: "Workloads, in order; all of them when none is named.")
    var workloads: [Workload] = []

    @OptionGroup var options: LoadOptions

    @Option(help: "The server's process, to measure the CPU time it takes.")
    var serverPID: Int32?

    func run() async throws {
        for workload in workloads.isEmpty ? Workload.allCases : workloads {
            let measurement = try await Measurement.of(workload, options.load, on: server, serverPID: serverPID)
            print(try measurement.json())
        }
    }
}
