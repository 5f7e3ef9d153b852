import ArgumentParser
import Foundation
import NFSDaemon

@main
enum Program {
    static func main() async {
        let name = CommandLine.arguments.first?.split(separator: "/").last
        if name == "ganesha.nfsd" { await GaneshaCommand.main() } else { await NFSServerCommand.main() }
    }
}

struct NFSServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nfs-server", abstract: "An NFSv4.1 server.",
        subcommands: [ServeCommand.self, CheckCommand.self, StatusCommand.self, EvictCommand.self, EndGraceCommand.self])

    /// Runs `body`; when it fails each problem becomes one line of standard error and the exit code is 1.
    static func reportingProblems(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            for line in "\(error)".split(separator: "\n") {
                say(String(line))
            }
            throw ExitCode.failure
        }
    }

    /// Writes a line to standard error.
    static func say(_ line: String) {
        FileHandle.standardError.write(Data("nfs-server: \(line)\n".utf8))
    }
}
