import Foundation

/// The versions of one host, without their clients: what opening, fencing and activating mean, for the stores that keep
/// no tables.
struct HostRecord: Codable, Sendable {
    struct Version: Codable, Sendable {
        let name: RecoveryVersion
        var opened: Date
        var activated: Date?
        /// Whether it names the clients that may reclaim.
        var isActive = false
        /// Whether a newer one was opened, so that nothing is written to this one any more.
        var isSuperseded = false
    }

    /// The one opened first in front.
    private(set) var versions: [Version] = []
    var seen: Date

    init(seen: Date) {
        self.seen = seen
    }

    var active: Version? { versions.first(where: \.isActive) }
    /// The version opened last, the only one that is written to; nil when it is forgotten.
    private var writable: Version? { versions.last { !$0.isSuperseded } }
    /// The version of a server whose grace period is not over.
    var pending: Version? { versions.last { !$0.isActive && !$0.isSuperseded } }

    /// Opens an empty version and supersedes the others. Returns the versions whose clients are to be forgotten. Throws
    /// ``RecoveryError/superseded(_:_:)``.
    mutating func open(
        _ version: RecoveryVersion, replacing replaced: RecoveryVersion?, for hostname: ServerHostname, at time: Date
    ) throws(RecoveryError) -> [RecoveryVersion] {
        seen = time
        if let index = versions.firstIndex(where: { $0.name == version }) {
            guard !versions[index].isSuperseded else { throw .superseded(version, hostname) }
            versions[index].opened = time
            return [version]
        }
        if let replaced, let writable, writable.name != replaced { throw .superseded(replaced, hostname) }
        let unfinished = pending?.name
        for index in versions.indices { versions[index].isSuperseded = true }
        versions.append(Version(name: version, opened: time))
        let excess = versions.count { $0.isSuperseded && !$0.isActive } - RecoveryVersion.maximumSuperseded
        if excess > 0, let oldest = versions.firstIndex(where: { !$0.isActive }) { versions.remove(at: oldest) }
        return unfinished.map { [$0] } ?? []
    }

    /// Makes the version the active one. Returns the version whose clients are to be forgotten. Throws
    /// ``RecoveryError/unknownVersion(_:_:)`` and ``RecoveryError/superseded(_:_:)``.
    mutating func activate(
        _ version: RecoveryVersion, for hostname: ServerHostname, at time: Date
    ) throws(RecoveryError) -> RecoveryVersion? {
        try requireWritable(version, of: hostname)
        seen = time
        let previous = active?.name
        guard previous != version else { return nil }
        for index in versions.indices {
            versions[index].isActive = versions[index].name == version
            if versions[index].isActive { versions[index].activated = time }
        }
        return previous
    }

    /// Throws ``RecoveryError/unknownVersion(_:_:)`` and ``RecoveryError/superseded(_:_:)``.
    func requireWritable(_ version: RecoveryVersion, of hostname: ServerHostname) throws(RecoveryError) {
        guard let writable, writable.name == version else {
            // Names of old versions are forgotten; that another is the newest tells as much.
            let isSuperseded = writable != nil || versions.contains { $0.name == version }
            throw isSuperseded ? .superseded(version, hostname) : .unknownVersion(version, hostname)
        }
    }

    /// Forgets the version of a server whose grace period never ended. Those it superseded stay superseded.
    mutating func forgetPending() {
        versions.removeAll { !$0.isActive && !$0.isSuperseded }
    }
}

/// What is kept for one client of one version.
struct ClientRecord: Codable, Sendable {
    var added: Date
    var revoked: Set<RevokedFileHandle> = []
}
