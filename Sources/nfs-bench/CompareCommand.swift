import ArgumentParser
import Foundation

struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Measures two servers in turn and prints a table in Markdown.",
        discussion: """
            Each round measures both, in the opposite order of the round before, so that whatever else the machine does falls on both. \
            Shown are medians over the rounds; the ratios are taken round by round.
            """)

    @Argument(help: "A server as NAME=HOST:PORT:/EXPORT.")
    var first: NamedEndpoint

    @Argument(help: "The one it is compared with.")
    var second: NamedEndpoint

    @Argument(help: "Workloads, in order; all of them when none is named.")
    var workloads: [Workload] = []

    @OptionGroup var options: LoadOptions

    @Option(help: "How often each server is measured.")
    var rounds = 5

    @Option(help: "The first server's process, to measure the CPU time it takes.")
    var firstPID: Int32?

    @Option(help: "The second server's process.")
    var secondPID: Int32?

    @Option(help: "A file to which each measurement is added as a line of JSON.", completion: .file())
    var record: String?

    func validate() throws {
        guard rounds > 0 else { throw ValidationError("--rounds is a number above 0") }
    }

    func run() async throws {
        let sides = [(first, firstPID), (second, secondPID)]
        print(Comparison.header(first.name, second.name))
        for workload in workloads.isEmpty ? Workload.allCases : workloads {
            var comparison = Comparison(workload: workload)
            for round in 0..<rounds {
                var measured: [Int: Measurement] = [:]
                for side in round.isMultiple(of: 2) ? [0, 1] : [1, 0] {
                    let (server, pid) = sides[side]
                    let measurement = try await Measurement.of(workload, options.load, on: server.endpoint, serverPID: pid)
                    measured[side] = measurement
                    try keep(measurement, of: server.name)
                }
                comparison.add(measured[0]!, measured[1]!)
            }
            print(comparison.row)
            // So that a pipe shows it at once.
            fflush(nil)
        }
    }

    private func keep(_ measurement: Measurement, of server: String) throws {
        struct Line: Encodable {
            var server: String
            var measurement: Measurement
        }
        guard let record else { return }
        let file = fopen(record, "a")
        guard let file else { throw LoadFailure("\(record) cannot be written: \(String(cString: strerror(errno)))") }
        fputs(try Line(server: server, measurement: measurement).json() + "\n", file)
        fclose(file)
    }
}

struct NamedEndpoint: ExpressibleByArgument, Sendable {
    let name: String
    let endpoint: Endpoint

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="),
            let endpoint = Endpoint(argument: String(argument[argument.index(after: equals)...]))
        else { return nil }
        name = String(argument[..<equals])
        self.endpoint = endpoint
    }
}
