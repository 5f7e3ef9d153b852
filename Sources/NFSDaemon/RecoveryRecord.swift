import NFSServer
import RecoveryBackend

/// This instance's record of clients in a recovery store: what the engine's recovery stands on.
package actor RecoveryRecord: RecoveryStorage {
    private let store: any RecoveryStore
    private let hostname: ServerHostname
    private var version: RecoveryVersion
    private var clients: Set<ClientIdentity> = []
    private var isActive = false
    /// Whether `version` cannot be put in force as it is: a client was taken off, which a store only does for the version in
    /// force, or an earlier try may have succeeded, and Longhorn's backend loses a version that is activated twice.
    private var needsNewVersion = false

    package init(store: any RecoveryStore, hostname: ServerHostname) {
        self.store = store
        self.hostname = hostname
        version = Self.newVersion()
    }

    private static func newVersion() -> RecoveryVersion {
        var generator = SystemRandomNumberGenerator()
        return RecoveryVersion(using: &generator)
    }

    package func open() async throws -> [[UInt8]] {
        try await store.open(version, for: hostname)
        return try await store.activeClients(of: hostname).compactMap(\.owner)
    }

    package func add(_ owner: [UInt8]) async throws {
        let client = try Self.identity(owner)
        clients.insert(client)
        try await store.add(client, to: version, of: hostname)
    }

    package func remove(_ owner: [UInt8]) async throws {
        let client = try Self.identity(owner)
        clients.remove(client)
        if isActive { try await store.remove(client, of: hostname) } else { needsNewVersion = true }
    }

    package func activate() async throws {
        if needsNewVersion {
            version = Self.newVersion()
            try await store.open(version, for: hostname)
            for client in clients { try await store.add(client, to: version, of: hostname) }
        }
        needsNewVersion = true
        try await store.activate(version, for: hostname)
        isActive = true
    }

    private static func identity(_ owner: [UInt8]) throws -> ClientIdentity {
        guard let client = ClientIdentity(owner: owner) else { throw RecoveryError.malformed("a client owner of \(owner.count) bytes") }
        return client
    }
}
