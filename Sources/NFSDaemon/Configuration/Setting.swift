import Configuration

/// Every setting of the server. The raw value is its name as a command-line flag (`--state-dir`) and as a key of the
/// configuration file (`state-dir`); in the environment it is `REMUDA_` and the name in capitals with `_` for `-`
/// (`REMUDA_STATE_DIR`).
package enum Setting: String, CaseIterable, Sendable {
    case export
    case security
    case listen
    case lease
    case grace
    case graceIO = "grace-io"
    case recoveryURL = "recovery-url"
    case recoveryTokenFile = "recovery-token-file"
    case recoveryAuthority = "recovery-ca"
    case recoveryCertificate = "recovery-certificate"
    case recoveryKey = "recovery-key"
    case recoveryDeadline = "recovery-deadline"
    case stateDirectory = "state-dir"
    case deadHostsCommand = "dead-hosts-command"
    case hostname
    case adminSocket = "admin-socket"
    case metricsAddress = "metrics-address"
    case rpcbind
    case ownerDomain = "owner-domain"
    case ownerNames = "owner-names"
    case manageGroups = "manage-groups"
    case keytab
    case servicePrincipal = "service-principal"
    case allowUnmounted = "allow-unmounted"
    case loops
    case workers
    case maximumConnections = "max-connections"
    case maximumClients = "max-clients"
    case maximumSessions = "max-sessions"
    case maximumTransfer = "max-transfer"
    case bufferMemory = "buffer-memory"
    case cacheMemory = "cache-memory"
    case cachedDescriptors = "cached-descriptors"
    case logLevel = "log-level"
    case logFormat = "log-format"
    case slowOperation = "slow-operation"

    /// The variable that names the configuration file, for `--config`.
    package static let fileVariable = environmentPrefix + "CONFIG"

    static let environmentPrefix = "REMUDA_"

    /// The name of the environment variable.
    package var variable: String {
        Self.environmentPrefix + rawValue.uppercased().replacing("-", with: "_")
    }

    var key: ConfigKey {
        ConfigKey([rawValue])
    }
}

extension Setting {
    /// What a setting takes and means; the source of the command line's help, of the defaults and of the documentation.
    package struct Description: Sendable {
        /// What to write for the value in a usage line; nil for a setting that is true or false.
        package let placeholder: String?
        /// The default as one would write it; nil when there is none or it depends on the machine.
        package let standard: String?
        /// What the default is when it has no fixed text.
        package let standardMeaning: String?
        /// For numbers: what is allowed.
        package let range: ClosedRange<Int>?
        package let unit: SettingUnit
        /// One sentence without its full stop.
        package let summary: String
        /// Whether the setting takes a list: a repeated flag, a list in the file, commas in the environment.
        package let isList: Bool

        fileprivate init(
            _ placeholder: String?, standard: String?, meaning: String? = nil, in range: ClosedRange<Int>? = nil,
            of unit: SettingUnit = .pieces, list: Bool = false, _ summary: String
        ) {
            self.placeholder = placeholder
            self.standard = standard
            self.standardMeaning = meaning
            self.range = range
            self.unit = unit
            self.isList = list
            self.summary = summary
        }
    }

    package var description: Description {
        switch self {
        case .export:
            .init(
                "DIR[:PSEUDO]", standard: nil, meaning: "none, one is required", list: true,
                "A directory to export and the path clients mount it by, / and its last name unless given")
        case .security:
            .init(
                "FLAVOR", standard: "sys", list: true,
                "What exports accept unless they say otherwise, best first: krb5p, krb5i, krb5, sys or none")
        case .listen:
            .init("ADDR:PORT", standard: "0.0.0.0:2049", list: true, "An address to serve NFS on, such as 0.0.0.0:2049 or [::]:2049")
        case .lease:
            .init("SECONDS", standard: "60", in: 1...3600, of: .seconds, "How long a silent client keeps its state for certain")
        case .grace:
            .init("SECONDS", standard: "90", in: 1...3600, of: .seconds, "How long a restarted server waits at most for clients to reclaim")
        case .graceIO:
            .init("MODE", standard: "strict", "READ and WRITE while clients may reclaim: strict refuses all, safe serves reclaimed files")
        case .recoveryURL:
            .init("URL", standard: nil, meaning: "none", "The recovery backend that gets a copy of the client records")
        case .recoveryTokenFile:
            .init("FILE", standard: nil, meaning: "none", "The file of the bearer token that the recovery backend asks for")
        case .recoveryAuthority:
            .init("FILE", standard: nil, meaning: "the system's", "The authorities that name the recovery backend, PEM")
        case .recoveryCertificate:
            .init("FILE", standard: nil, meaning: "none", "The certificate shown to the recovery backend, PEM")
        case .recoveryKey:
            .init("FILE", standard: nil, meaning: "none", "The key of that certificate, PEM")
        case .recoveryDeadline:
            .init("SECONDS", standard: "2", in: 1...3600, of: .seconds, "How long a start waits for the recovery backend")
        case .stateDirectory:
            .init(
                "DIR", standard: nil, meaning: ".remuda in the first export, which clients cannot see", "Where the client records are kept")
        case .deadHostsCommand:
            .init("PROGRAM", standard: nil, meaning: "none", "A program that prints the names of dead hosts, run while grace lasts")
        case .hostname:
            .init("NAME", standard: nil, meaning: "the machine's", "The name client records are kept under, equal across restarts")
        case .adminSocket:
            .init("PATH", standard: nil, meaning: "none", "A UNIX socket for administration")
        case .metricsAddress:
            .init("ADDR:PORT", standard: nil, meaning: "none", "The address of /metrics for Prometheus and /readyz for probes, over HTTP")
        case .rpcbind:
            .init(nil, standard: "false", "Register with rpcbind, which NFSv4 clients do not need")
        case .ownerDomain:
            .init("DOMAIN", standard: nil, meaning: "none", "The domain of names of users and groups; without it clients use numbers alone")
        case .ownerNames:
            .init(nil, standard: "false", "Tell clients the names of users and groups, not their numbers; needs owner-domain")
        case .manageGroups:
            .init(nil, standard: "false", "Take the groups of AUTH_SYS callers from this machine, not the 16 at most that clients name")
        case .keytab:
            .init(
                "FILE", standard: nil, meaning: "none, Kerberos is refused", "The keys of the service for clients that mount with Kerberos")
        case .servicePrincipal:
            .init(
                "NAME", standard: nil, meaning: "every nfs/ in the keytab",
                "The Kerberos principal to serve as, such as nfs/host.example.org")
        case .allowUnmounted:
            .init(nil, standard: "false", "Export directories even when nothing is mounted on them")
        case .loops:
            .init("COUNT", standard: nil, meaning: "the number of cores", in: 1...1024, "Event loops that serve connections")
        case .workers:
            .init("COUNT", standard: "16", in: 1...1024, "Threads that run operations which wait for the disk")
        case .maximumConnections:
            .init("COUNT", standard: "4096", in: 1...1_000_000, "Connections served at once; further ones are closed")
        case .maximumClients:
            .init("COUNT", standard: "4096", in: 1...1_000_000, "Clients that may hold state at once")
        case .maximumSessions:
            .init("COUNT", standard: "8192", in: 1...1_000_000, "Sessions of all clients together")
        case .maximumTransfer:
            .init("BYTES", standard: "1MiB", in: 4096...16 << 20, of: .bytes, "The largest READ or WRITE, a multiple of 4KiB")
        case .bufferMemory:
            .init(
                "BYTES", standard: nil, meaning: "256MiB, at most a quarter of the memory limit", in: 1 << 20...1 << 40, of: .bytes,
                "Memory for requests and replies under way")
        case .cacheMemory:
            .init(
                "BYTES", standard: nil, meaning: "16MiB, at most a sixteenth of the memory limit", in: 0...1 << 40, of: .bytes,
                "Memory for entries of directories and filehandles that were looked at lately")
        case .cachedDescriptors:
            .init(
                "COUNT", standard: nil, meaning: "4096, at most one for each 16KiB of the memory limit", in: 64...1_000_000,
                "Descriptors of files kept open between requests")
        case .logLevel:
            .init("LEVEL", standard: "info", "Least severity to log: trace, debug, info, notice, warning, error or critical")
        case .logFormat:
            .init("FORMAT", standard: "text", "How a log line is written: text or json")
        case .slowOperation:
            .init(
                "SECONDS", standard: "1", in: 0...3600, of: .seconds,
                "How long an operation or the wait for a lock takes at least to be logged; 0 for never")
        }
    }
}
