import ArgumentParser
import Foundation
import NFSDaemon

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file, print what serve would use with it, and exit.",
        discussion: "REMUDA_ variables of the environment count as they do for serve.")

    @Argument(help: ArgumentHelp("A YAML file of settings.", valueName: "FILE"))
    var file: String

    @Flag(help: "FILE is a configuration file of NFS-Ganesha, of which is told what it comes to here.")
    var ganesha = false

    @Option(
        help: ArgumentHelp(
            "Tell what holds for a client at an address on an export, instead of printing the configuration.", valueName: "ADDRESS:PSEUDO"))
    var explain: String?

    func run() async throws {
        try await NFSServerCommand.reportingProblems {
            let environment = ProcessInfo.processInfo.environment
            let configuration =
                ganesha
                ? try ServerConfiguration.ofGanesha(file: file, environment: environment).configuration
                : try ServerConfiguration(flags: [:], environment: environment, file: file)
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
