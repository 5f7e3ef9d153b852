import ArgumentParser
import Foundation
import NFSDaemon

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve NFS in the foreground until SIGTERM.",
        discussion: """
            Each flag may also be set in the environment, as REMUDA_ and its name in capitals with _ for -, and in the \
            file under its own name. Flags outrank the environment, the environment outranks the file.
            """)

    @Option(help: ArgumentHelp("A YAML file of settings (\(Setting.fileVariable)).", valueName: "FILE"))
    var config: String?

    @OptionGroup
    var flags: SettingFlags

    func run() async throws {
        try await NFSServerCommand.reportingProblems {
            let configuration = try ServerConfiguration(
                flags: flags.values, environment: ProcessInfo.processInfo.environment, file: config)
            try configuration.checkFileSystem()
            try await NFSDaemon.run(configuration: configuration)
        }
    }
}
