import ArgumentParser
import Foundation
import NFSDaemon

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file, print what serve would use with it, and exit.",
        discussion: "REMUDA_ variables of the environment count as they do for serve.")

    @Argument(help: ArgumentHelp("A YAML file of settings.", valueName: "FILE"))
    var file: String

    @Option(
        help: ArgumentHelp(
            "Tell what holds for a client at an address on an export, instead of printing the configuration.", valueName: "ADDRESS:PSEUDO"))
    var explain: String?

    func run() async throws {
        try await NFSServerCommand.reportingProblems {
            let configuration = try ServerConfiguration(flags: [:], environment: ProcessInfo.processInfo.environment, file: file)
            try configuration.checkFileSystem()
            for warning in configuration.warnings {
                NFSServerCommand.say("warning: \(warning)")
            }
            if let explain {
                print(try configuration.explanation(of: explain))
            } else {
                print(try configuration.yaml(), terminator: "")
            }
        }
    }
}
