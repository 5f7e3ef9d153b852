import ArgumentParser
import Foundation
import NFSDaemon

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve NFS in the foreground until SIGTERM; SIGHUP has the exports read again.",
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
            let (flags, file) = (flags.values, config)
            let read = { @Sendable in
                let configuration = try ServerConfiguration(flags: flags, environment: ProcessInfo.processInfo.environment, file: file)
                try configuration.checkFileSystem()
                return configuration
            }
            try await NFSDaemon.run(configuration: read(), reading: read)
        }
    }
}
