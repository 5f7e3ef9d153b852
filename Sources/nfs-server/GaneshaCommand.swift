import ArgumentParser
import Foundation
import NFSDaemon

/// What the program is under the name `ganesha.nfsd`.
struct GaneshaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ganesha.nfsd", abstract: "An NFSv4.1 server that reads the configuration of NFS-Ganesha.",
        discussion: """
            SIGHUP has the exports read again. What that configuration has no words for is set in the environment: REMUDA_ and \
            the name of a setting of nfs-server serve in capitals with _ for -, which outranks the file.
            """)

    @Flag(name: .customShort("F"), help: "Stay in the foreground, as this server always does.")
    var foreground = false

    @Option(name: .customShort("f", allowingJoined: true), help: ArgumentHelp("The configuration.", valueName: "FILE"))
    var configurationFile = "/etc/ganesha/ganesha.conf"

    @Option(
        name: .customShort("p", allowingJoined: true),
        help: ArgumentHelp("A file that has the process's number while clients are served.", valueName: "FILE"))
    var pidFile = "/var/run/ganesha/ganesha.pid"

    @Option(
        name: .customShort("L", allowingJoined: true),
        help: ArgumentHelp("Where the log goes: a file, STDOUT or STDERR (default: what LOG says, or STDERR).", valueName: "FILE"))
    var logFile: String?

    @Option(
        name: .customShort("N", allowingJoined: true),
        help: ArgumentHelp("Least severity to log where LOG says nothing, such as EVENT, INFO or FULL_DEBUG.", valueName: "LEVEL"))
    var logLevel: String?

    @Flag(name: .customShort("v"), help: "Say what this is.")
    var version = false

    @Flag(name: [.customShort("C"), .customShort("R"), .customShort("x")], help: .hidden)
    var withoutMeaning: Int

    @Option(name: [.customShort("E", allowingJoined: true), .customShort("I", allowingJoined: true)], help: .hidden)
    var identity: [String] = []

    func run() async throws {
        guard !version else { return print("ganesha.nfsd: nfs-server of Remuda in its place, NFSv4.1") }
        try await NFSServerCommand.reportingProblems {
            guard foreground else {
                throw ValidationError("give -F: this server stays in the foreground, where whoever started it sees it end")
            }
            try await GaneshaServer(
                configurationFile: configurationFile, pidFile: pidFile, logFile: logFile, logLevel: logLevel,
                environment: ProcessInfo.processInfo.environment
            ).run()
        }
    }
}
