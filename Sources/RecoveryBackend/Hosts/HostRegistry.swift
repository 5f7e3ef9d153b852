import Foundation

/// A recovery store that can also be looked at and cleaned: what the service's administration stands on.
package protocol HostRegistry: RecoveryStore {
    /// At most `limit` hosts, 1 to ``HostSummary/maximumPage``, in the order of their names' bytes, from the first one
    /// after `hostname` on.
    func hosts(after hostname: ServerHostname?, limit: Int) async throws(RecoveryError) -> [HostSummary]

    /// All that is kept for a host. Throws ``RecoveryError/unknownHost(_:)``.
    func details(of hostname: ServerHostname) async throws(RecoveryError) -> HostDetails

    /// Forgets a host whose volume is gone. Throws ``RecoveryError/unknownHost(_:)``.
    func delete(_ hostname: ServerHostname) async throws(RecoveryError)

    /// Forgets the versions that were opened before `time` and never put in force, because their servers died during
    /// grace; a host without any other version goes with them. Returns how many versions.
    func forgetPendingVersions(openedBefore time: Date) async throws(RecoveryError) -> Int

    /// Forgets the hosts of which nothing was heard since `time`. Returns how many. A server that runs on with the same
    /// clients writes nothing: that it reads its list counts.
    func forgetHosts(unseenSince time: Date) async throws(RecoveryError) -> Int

    /// How much there is; that it succeeds shows that the store works.
    func statistics() async throws(RecoveryError) -> RegistryStatistics
}

/// How often a host that only reads its list is marked as seen, in seconds: a read is rarely a write then.
let seenPrecision: Int64 = 3600

/// How much a registry takes, so that nobody fills its disk.
package struct RegistryLimits: Sendable {
    package var hosts = 50_000
    /// For each version.
    package var clientsPerHost = 10_000

    package init() {}

    func tooManyHosts() -> RecoveryError {
        .full("there are \(hosts) hosts already: delete those whose volume is gone, or raise the limit")
    }

    func tooManyClients(of hostname: ServerHostname) -> RecoveryError {
        .full("host \(hostname) has \(clientsPerHost) clients already: remove those that are gone, or raise the limit")
    }
}

package struct RegistryStatistics: Equatable, Sendable {
    package var hosts: Int
    /// The hosts whose server's grace period is not over.
    package var hostsInGrace: Int

    package init(hosts: Int, hostsInGrace: Int) {
        self.hosts = hosts
        self.hostsInGrace = hostsInGrace
    }
}

/// One host in a list of hosts. Times have a precision of a second.
package struct HostSummary: Codable, Equatable, Sendable {
    package static let maximumPage = 100

    package let hostname: ServerHostname
    /// When its server was last heard of; a reader is marked once an hour.
    package let seen: Date
    /// The version whose clients may reclaim; nil before the first grace period of the host is over.
    package let activeVersion: RecoveryVersion?
    /// The number of clients of the active version, markers not counted.
    package let clients: Int
    /// The version that was opened and not yet put in force: its server's grace period runs. Nil otherwise.
    package let pendingVersion: RecoveryVersion?
}

/// All that is kept for a host.
package struct HostDetails: Codable, Equatable, Sendable {
    package struct Version: Codable, Equatable, Sendable {
        package enum State: String, Codable, Sendable {
            /// Its clients may reclaim.
            case active
            /// Its server's grace period runs.
            case pending
            /// Only its name is kept, to refuse it.
            case superseded
        }

        package let version: RecoveryVersion
        package let state: State
        package let opened: Date
        package let activated: Date?
        /// Without the server's marker.
        package let clients: [Client]
    }

    package struct Client: Codable, Equatable, Sendable {
        package let id: ClientIdentity
        package let added: Date
        package let revokedFileHandles: [RevokedFileHandle]
    }

    package struct Grace: Codable, Equatable, Sendable {
        package let version: RecoveryVersion
        package let since: Date
        /// The clients that may reclaim and have not come back: those of the active version which the pending one has not.
        package let awaited: [ClientIdentity]
    }

    package let hostname: ServerHostname
    package let seen: Date
    /// Nil when no grace period runs.
    package let grace: Grace?
    /// The one opened first in front.
    package let versions: [Version]

    package init(hostname: ServerHostname, seen: Date, versions: [Version]) {
        self.hostname = hostname
        self.seen = seen
        self.versions = versions
        grace = versions.last { $0.state == .pending }.map { pending in
            let returned = Set(pending.clients.map(\.id))
            let active = versions.first { $0.state == .active }?.clients ?? []
            return Grace(version: pending.version, since: pending.opened, awaited: active.map(\.id).filter { !returned.contains($0) })
        }
    }
}

extension HostDetails {
    /// The same out of a record and the clients of its versions.
    init(hostname: ServerHostname, record: HostRecord, clients: [RecoveryVersion: [ClientIdentity: ClientRecord]]) {
        let versions = record.versions.map { version in
            let state: Version.State = version.isActive ? .active : version.isSuperseded ? .superseded : .pending
            let clients = (clients[version.name] ?? [:]).filter { !$0.key.isMarker }.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                identity, client in
                Client(id: identity, added: client.added, revokedFileHandles: client.revoked.sorted { $0.rawValue < $1.rawValue })
            }
            return Version(version: version.name, state: state, opened: version.opened, activated: version.activated, clients: clients)
        }
        self.init(hostname: hostname, seen: record.seen, versions: versions)
    }
}

extension ServerHostname: Codable {}
extension RecoveryVersion: Codable {}
extension ClientIdentity: Codable {}
extension RevokedFileHandle: Codable {}
