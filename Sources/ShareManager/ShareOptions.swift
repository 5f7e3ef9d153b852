import NFSDaemon
import NFSServer

/// What a share manager is told: the arguments and the environment Longhorn gives, and what it has no word for.
package struct ShareOptions: Sendable {
    package var volume: String
    package var dataEngine = DataEngine.v1
    /// What a blank device is formatted with.
    package var fileSystem = "ext4"
    /// Of mount(8).
    package var mountOptions: [String] = []
    /// Of mkfs, each of them an option and its value or one word.
    package var formatOptions: [String] = []
    /// Set when a blank device is to be encrypted, and for one that is.
    package var encryption = Encryption()
    /// Whether a Lease of Kubernetes says that this is the one that serves.
    package var holdsLease = false
    package var leaseSeconds: String?
    package var graceSeconds: String?
    package var podName: String?
    package var namespace: String?
    /// What the root of the file system is given, whoever formatted it; nil to give 0777 to what is formatted here and to leave others.
    package var rootMode: UInt16?
    package var squash: Squash?
    /// Who may mount; empty for everybody.
    package var networks: [Network] = []
    package var listen: [String] = []
    package var metricsAddress: String?
    /// Where Longhorn calls.
    package var grpcAddress: ListenAddress
    package var recoveryURL: String?
    /// Where the volume's device appears.
    package var deviceDirectory = "/dev/longhorn"
    /// Where the volume is mounted, in a directory of its name.
    package var mountDirectory = "/export"
    /// Written when clients can be served: Longhorn's readiness probe reads it.
    package var pidFile = "/var/run/ganesha.pid"
    package var isDebugging = false

    package init(volume: String, grpcAddress: ListenAddress) {
        self.volume = volume
        self.grpcAddress = grpcAddress
    }

    package enum DataEngine: String, Sendable {
        case v1
        case v2
    }

    /// LUKS, as cryptsetup(8) takes it.
    package struct Encryption: Sendable {
        /// Whether a blank device is to be encrypted.
        package var isWanted = false
        /// Told to nobody but cryptsetup, on its standard input.
        package var passphrase = ""
        package var cipher = "aes-xts-plain64"
        package var hash = "sha256"
        package var keySize = "256"
        package var keyDerivation = "argon2i"

        package init() {}
    }

    var device: String { "\(deviceDirectory)/\(volume)" }
    var mountPoint: String { "\(mountDirectory)/\(volume)" }
    /// The name of the opened LUKS device. That of the volume itself is taken by the device with the v2 engine.
    var mapperName: String { dataEngine == .v1 ? volume : "\(volume)-encrypted" }
}

extension ShareOptions {
    /// Takes over what Longhorn says in the environment of the pod.
    package mutating func read(_ environment: [String: String]) {
        func text(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        holdsLease = text("FAST_FAILOVER") == "true"
        leaseSeconds = text("LEASE_LIFETIME") ?? leaseSeconds
        graceSeconds = text("GRACE_PERIOD") ?? graceSeconds
        formatOptions = (text("FS_FORMAT_OPTIONS") ?? "").split(separator: ":").flatMap { $0.split(separator: " ") }.map(String.init)
        podName = text("POD_NAME")
        namespace = text("POD_NAMESPACE")
        encryption.isWanted = text("ENCRYPTED") == "true"
        encryption.passphrase = text("PASSPHRASE") ?? ""
        encryption.cipher = text("CRYPTOKEYCIPHER") ?? encryption.cipher
        encryption.hash = text("CRYPTOKEYHASH") ?? encryption.hash
        encryption.keySize = text("CRYPTOKEYSIZE") ?? encryption.keySize
        encryption.keyDerivation = text("CRYPTOPBKDF") ?? encryption.keyDerivation
    }

    /// The configuration of the NFS server. Settings of nfs-server that are not decided here may be given in the environment.
    func serverConfiguration(_ environment: [String: String]) throws -> ServerConfiguration {
        var flags: [Setting: [String]] = [.export: ["\(mountPoint):/\(volume)"], .hostname: [podName ?? "share-manager-\(volume)"]]
        flags[.lease] = leaseSeconds.map { [$0] }
        flags[.grace] = graceSeconds.map { [$0] }
        flags[.metricsAddress] = metricsAddress.map { [$0] }
        flags[.recoveryURL] = (recoveryURL ?? namespace.map { "http://longhorn-recovery-backend.\($0):9503" }).map { [$0] }
        if !listen.isEmpty { flags[.listen] = listen }
        if isDebugging { flags[.logLevel] = ["debug"] }
        var configuration = try ServerConfiguration(flags: flags, environment: environment, file: nil)
        configuration.restrict(squash: squash, networks: networks)
        return configuration
    }
}
