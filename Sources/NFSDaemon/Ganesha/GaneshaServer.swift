import Glibc
import Logging

/// A server in the place of `ganesha.nfsd`, told what that is told.
package struct GaneshaServer: Sendable {
    private let configurationFile: String
    private let pidFile: String
    private let logFile: String?
    private let logLevel: Logger.Level
    private let environment: [String: String]

    /// - Parameters:
    ///   - logFile: where the log goes, whatever the configuration says.
    ///   - logLevel: one of that server's levels, which counts where the configuration says nothing.
    package init(
        configurationFile: String, pidFile: String, logFile: String?, logLevel: String?, environment: [String: String]
    ) throws(ConfigurationError) {
        self.configurationFile = configurationFile
        self.pidFile = pidFile
        self.logFile = logFile
        self.logLevel =
            try logLevel.map { text throws(ConfigurationError) in
                try GivenValue(text: text, origin: "-N").ganeshaLogLevel()
            } ?? .notice
        self.environment = environment
    }

    /// Serves until SIGTERM.
    package func run() async throws {
        try await NFSDaemon.run(configuration: read(), pidFile: pidFile, reading: read)
    }

    /// Reads the configuration, and opens the log anew: somebody may have taken the file away to begin another.
    @Sendable private func read() throws -> ServerConfiguration {
        let (configuration, logDestination) = try ServerConfiguration.ofGanesha(
            file: configurationFile, environment: environment, logLevel: logLevel)
        try configuration.checkFileSystem()
        if let destination = logFile ?? logDestination { try Self.sendLog(to: destination) }
        return configuration
    }

    /// Has standard error, to which the log is written, lead to a file.
    private static func sendLog(to destination: String) throws(ConfigurationError) {
        switch destination.uppercased() {
        // There is no other log than standard error's; containers and systemd take care of that.
        case "STDERR", "SYSLOG": return
        case "STDOUT": dup2(1, 2)
        default:
            let descriptor = open(destination, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else {
                throw ConfigurationError("log file \(destination): \(String(cString: strerror(errno))): name another one (-L)")
            }
            dup2(descriptor, 2)
            close(descriptor)
        }
    }
}
