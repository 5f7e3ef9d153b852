import ArgumentParser
import Foundation
import NFSDaemon
import NFSServer
import ShareManager

@main
struct ShareManagerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "share-manager",
        abstract: "Serves a volume of Longhorn over NFSv4.1, in the place of Longhorn's own program of that name.",
        usage: "share-manager [--debug] daemon --volume NAME [options]",
        discussion: """
            Takes the arguments and the environment of the pod that Longhorn makes. What it does not know is named in a warning. Settings of \
            nfs-server that have no flag here may be given in the environment (REMUDA_...).
            """)

    @Flag(help: "Log more.") var debug = false
    @Option(help: ArgumentHelp("The volume.", valueName: "NAME")) var volume: String
    @Option(help: ArgumentHelp("The engine of the volume, v1 or v2.", valueName: "ENGINE")) var dataEngine = "v1"
    @Option(help: ArgumentHelp("What a blank volume is formatted with, ext4 or xfs.", valueName: "TYPE")) var fs = "ext4"
    @Option(help: ArgumentHelp("Options of mount(8), with commas between them.", valueName: "OPTIONS")) var mount = ""
    @Option(
        help: ArgumentHelp(
            "The mode of the volume's root, octal, set at each start (default: 0777 when it is formatted).", valueName: "MODE"))
    var rootMode: String?
    @Option(help: ArgumentHelp("Whom to turn into the anonymous user: none, root or all.", valueName: "WHO")) var squash: String?
    @Option(help: ArgumentHelp("A network that may mount the volume, such as 10.0.0.0/8 (default: every one).", valueName: "CIDR"))
    var network: [String] = []
    @Option(help: ArgumentHelp("An address to serve NFS on (default: 0.0.0.0:2049).", valueName: "ADDR:PORT")) var listen: [String] = []
    @Option(help: ArgumentHelp("The address of /metrics and /readyz (default: none).", valueName: "ADDR:PORT")) var metricsAddress: String?
    @Option(help: ArgumentHelp("Where Longhorn calls.", valueName: "ADDR:PORT")) var grpcAddress = "0.0.0.0:9600"
    @Option(help: ArgumentHelp("The recovery backend (default: that of POD_NAMESPACE).", valueName: "URL")) var recoveryURL: String?
    @Option(help: ArgumentHelp("Where the device of the volume appears.", valueName: "DIR")) var deviceDirectory = "/dev/longhorn"
    @Option(help: ArgumentHelp("Where the volume is mounted, in a directory of its name.", valueName: "DIR")) var mountDirectory = "/export"
    @Option(help: ArgumentHelp("Written when clients can be served.", valueName: "FILE")) var pidFile = "/var/run/ganesha.pid"
    @Argument(parsing: .allUnrecognized, help: .hidden) var words: [String] = []

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let unknown = words.filter { $0 != "daemon" }
        if !unknown.isEmpty { Self.say("warning: ignored, as they mean nothing here: \(unknown.joined(separator: " "))") }
        do {
            try await share(options(environment), environment: environment)
        } catch let error as ValidationError {
            throw error
        } catch {
            for line in "\(error)".split(separator: "\n") { Self.say(String(line)) }
            throw ExitCode.failure
        }
    }

    private func options(_ environment: [String: String]) throws -> ShareOptions {
        // It becomes part of paths and the name of a device.
        guard !volume.isEmpty, volume.first != ".", !volume.contains(where: { "/:".contains($0) }) else {
            throw ValidationError("--volume \(volume) is no name of a volume")
        }
        guard let dataEngine = ShareOptions.DataEngine(rawValue: dataEngine) else {
            throw ValidationError("--data-engine \(dataEngine) is not known: give v1 or v2")
        }
        guard ["ext4", "xfs"].contains(fs) else { throw ValidationError("--fs \(fs) is not offered: give ext4 or xfs") }
        var options = ShareOptions(
            volume: volume, grpcAddress: try ListenAddress(GivenValue(text: grpcAddress, origin: "--grpc-address")))
        options.read(environment)
        options.dataEngine = dataEngine
        options.fileSystem = fs
        options.mountOptions = mount.split(separator: ",").map(String.init)
        options.rootMode = try rootMode.map { text in
            guard let mode = UInt16(text, radix: 8), mode <= 0o7777 else {
                throw ValidationError("--root-mode \(text) is no mode: give one in octal, such as 0770")
            }
            return mode
        }
        options.squash = try squash.map { text in
            guard let squash = Squash(rawValue: text) else {
                throw ValidationError("--squash \(text) is not known: give none, root or all")
            }
            return squash
        }
        options.networks = try network.map { try Network(GivenValue(text: $0, origin: "--network")) }
        options.listen = listen
        options.metricsAddress = metricsAddress
        options.recoveryURL = recoveryURL
        options.deviceDirectory = deviceDirectory
        options.mountDirectory = mountDirectory
        options.pidFile = pidFile
        options.isDebugging = debug
        return options
    }

    /// Writes a line to standard error.
    private static func say(_ line: String) { FileHandle.standardError.write(Data("share-manager: \(line)\n".utf8)) }
}
