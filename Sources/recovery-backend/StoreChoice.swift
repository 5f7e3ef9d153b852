import ArgumentParser
import RecoveryBackend

/// Where the records are kept: `sqlite:PATH`, `etcd:ENDPOINT,...` or `memory`.
enum StoreChoice: ExpressibleByArgument, CustomStringConvertible {
    case sqlite(path: String)
    case etcd(endpoints: [String])
    case memory

    init?(argument: String) {
        if argument == "memory" {
            self = .memory
        } else if argument.hasPrefix("sqlite:"), argument != "sqlite:" {
            self = .sqlite(path: String(argument.dropFirst("sqlite:".count)))
        } else if argument.hasPrefix("etcd:"), argument != "etcd:" {
            self = .etcd(endpoints: argument.dropFirst("etcd:".count).split(separator: ",").map(String.init))
        } else {
            return nil
        }
    }

    var description: String {
        switch self {
        case .sqlite(let path): "sqlite:\(path)"
        case .etcd(let endpoints): "etcd:" + endpoints.joined(separator: ",")
        case .memory: "memory"
        }
    }
}

/// How the store is reached, and how much it takes.
struct StoreOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Where the records are kept: sqlite:PATH, etcd:http://HOST:PORT,... or memory.", valueName: "store"))
    var store = StoreChoice.sqlite(path: "/var/lib/remuda/recovery.sqlite")

    @Option(help: "What all keys in etcd begin with.")
    var etcdPrefix = "/remuda/recovery"

    @Option(help: "A file with NAME:PASSWORD of a user of etcd.")
    var etcdCredentials: String?

    @Option(help: "Certificates of the authorities that are trusted to name members of etcd, PEM.")
    var etcdCA: String?

    @Option(help: "The certificate presented to etcd, PEM.")
    var etcdCertificate: String?

    @Option(help: "The key of that certificate, PEM.")
    var etcdKey: String?

    @Option(help: "How many hosts are recorded at most.")
    var maxHosts = RegistryLimits().hosts

    @Option(help: "How many clients of one host are recorded at most.")
    var maxClientsPerHost = RegistryLimits().clientsPerHost

    func open() throws(RecoveryError) -> any HostRegistry {
        var limits = RegistryLimits()
        limits.hosts = maxHosts
        limits.clientsPerHost = maxClientsPerHost
        switch store {
        case .sqlite(let path): return try SQLiteRecoveryStore(path: path, limits: limits)
        case .memory: return MemoryRecoveryStore(limits: limits)
        case .etcd(let endpoints):
            var configuration = EtcdConfiguration(endpoints: endpoints)
            configuration.prefix = etcdPrefix
            configuration.credentials = etcdCredentials
            configuration.tls = TLSFiles(authority: etcdCA, certificate: etcdCertificate, key: etcdKey)
            return try EtcdRecoveryStore(configuration, limits: limits)
        }
    }
}
