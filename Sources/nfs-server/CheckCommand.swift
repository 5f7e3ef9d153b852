import ArgumentParser
import Foundation
import NFSDaemon

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file, print what serve would use with it, and exit.",
        discussion: "REMUDA_ variables of the environment count as they do for serve.")

    @Argument(help: ArgumentHelp("A YAML file of settings.", valueName: "FILE"))
    var file: String

    func run() async throws {
        try await NFSServerCommand.reportingProblems {
            let configuration = try ServerConfiguration(flags: [:], environment: ProcessInfo.processInfo.environment, file: file)
            try configuration.checkFileSystem()
            for warning in configuration.warnings {
                NFSServerCommand.say("warning: \(warning)")
            }
            print(try configuration.yaml(), terminator: "")
        }
    }
}
