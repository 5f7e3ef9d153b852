import Logging
import NFSServer
import RecoveryBackend

/// All a server needs to know to start, complete and checked against itself; `checkFileSystem()` checks it against the
/// machine.
package struct ServerConfiguration: Sendable, Equatable {
    /// What is exported; never empty, and no pseudo path lies inside another.
    package internal(set) var exports: [ExportConfiguration]
    /// Where connections are accepted; never empty, no two alike.
    package internal(set) var listen: [ListenAddress]
    /// How long a client that is not heard of keeps its state (RFC 8881 §8.3): 1...3600 seconds.
    package internal(set) var lease: Duration
    /// The longest grace period after a restart (RFC 8881 §8.4.2): 1...3600 seconds.
    package internal(set) var grace: Duration
    /// Which READ and WRITE are answered in the grace period.
    package internal(set) var graceIO: Limits.GraceIO
    /// The absolute path of the directory of the journal of client records; nil for one in the first export that clients cannot see.
    package internal(set) var stateDirectory: String?
    /// The base URL of the recovery backend, without a trailing slash; nil for none.
    package internal(set) var recoveryURL: String?
    /// The absolute path of the file whose first line is the token for the recovery backend; nil for none.
    package internal(set) var recoveryTokenFile: String?
    /// The absolute paths of what HTTPS to the recovery backend takes.
    package internal(set) var recoveryTLS: TLSFiles
    /// How long a start waits for the recovery backend: 1...3600 seconds.
    package internal(set) var recoveryDeadline: Duration
    /// The absolute path of a program that prints the names of hosts that are gone; nil for none.
    package internal(set) var deadHostsCommand: String?
    /// The name the records of this server are kept under: 1...253 letters, digits, dots, underscores and hyphens.
    package internal(set) var hostname: String
    /// The absolute path of the UNIX socket for administration, at most 107 bytes; nil for none.
    package internal(set) var adminSocket: String?
    /// Where metrics are told over HTTP; nil for nowhere.
    package internal(set) var metricsAddress: ListenAddress?
    /// Whether to register with rpcbind.
    package internal(set) var registersWithRPCBind: Bool
    /// The domain of the names of users and groups; nil when clients use numbers alone.
    package internal(set) var ownerDomain: String?
    /// Whether clients are told names of users and groups; false without a domain.
    package internal(set) var sendsOwnerNames: Bool
    /// Whether the groups of callers are looked up on this machine.
    package internal(set) var managesGroups: Bool
    /// The absolute path of the file with the keys of the service for Kerberos; nil where Kerberos is refused.
    package internal(set) var keytab: String?
    /// The Kerberos principal of the service; nil for every `nfs/` in the keytab.
    package internal(set) var servicePrincipal: String?
    /// The number of event loops: 1...1024.
    package internal(set) var loops: Int
    /// The number of threads for operations that have to wait: 1...1024.
    package internal(set) var workers: Int
    package internal(set) var limits: ServerLimits
    package internal(set) var logLevel: Logger.Level
    package internal(set) var logFormat: LogFormat
    /// What is allowed but probably not meant, one line each, for the log.
    package internal(set) var warnings: [String]
}

/// How a line of the log is written.
package enum LogFormat: String, CaseIterable, Sendable {
    case text
    case json
}

/// What bounds the memory and the descriptors clients can make the server use.
package struct ServerLimits: Sendable, Hashable {
    /// Connections served at once: 1...1,000,000.
    package internal(set) var connections: Int
    /// Clients that hold state at once: 1...1,000,000.
    package internal(set) var clients: Int
    /// Sessions of all clients together: 1...1,000,000.
    package internal(set) var sessions: Int
    /// The largest READ or WRITE in bytes: 4 KiB...16 MiB, a multiple of 4 KiB.
    package internal(set) var transfer: Int
    /// Memory for requests and replies under way in bytes: 1 MiB...1 TiB, room for at least one of each.
    package internal(set) var bufferMemory: Int
    /// Bytes for what is remembered of files.
    package internal(set) var cacheMemory: Int
    /// Descriptors of files kept open between requests: 64...1,000,000.
    package internal(set) var cachedDescriptors: Int

    /// The largest RPC record in bytes: the largest transfer and room for what else a compound carries, the longest
    /// extended attribute (64 KiB on Linux) included.
    package var record: Int {
        transfer + (128 << 10)
    }
}
