import GRDB

/// A store in one SQLite file, for a recovery backend and for a server that keeps its own records.
///
/// A call returns after its transaction is on stable storage: the write-ahead log is synchronised at each commit.
package final class SQLiteRecoveryStore: RecoveryStore {
    private let path: String
    /// One connection: every call here is a short transaction, and readers never wait for long.
    package let database: DatabaseQueue

    /// Opens the file, and creates it and its missing directories. Throws ``RecoveryError/unavailable(_:)`` when that
    /// is not possible or the file is something else.
    package init(path: String) throws(RecoveryError) {
        self.path = path
        do {
            try Directory.create(enclosing: path)
        } catch {
            throw .unavailable(
                "cannot create the directory of \(path) for the recovery records: \(error): name a path this user may write to")
        }
        do {
            var configuration = Configuration()
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(5)
            configuration.label = "recovery"
            database = try DatabaseQueue(path: path, configuration: configuration)
            // GRDB chooses NORMAL together with the write-ahead log, which may lose the last transactions with the power.
            try database.inDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            let migrator = Self.migrator
            guard try !database.read(migrator.hasBeenSuperseded) else {
                throw RecoveryError.unavailable("\(path) was written by a newer release: run that one, or name another path")
            }
            try migrator.migrate(database)
        } catch let error as RecoveryError {
            throw error
        } catch {
            throw Self.unavailable(path, error)
        }
    }

    package func open(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError) {
        try await transaction { database in
            if let version = try Self.identifier(of: version, for: hostname, in: database) {
                try database.execute(sql: "DELETE FROM client WHERE versionID = ?", arguments: [version])
                return
            }
            try database.execute(
                sql: "INSERT INTO version (hostname, version) VALUES (?, ?)", arguments: [hostname.rawValue, version.rawValue])
            try database.execute(
                sql: """
                    DELETE FROM version WHERE id IN (
                        SELECT id FROM version WHERE hostname = ? AND NOT active ORDER BY id DESC LIMIT -1 OFFSET ?)
                    """, arguments: [hostname.rawValue, RecoveryVersion.maximumOpen])
        }
    }

    package func activeClients(of hostname: ServerHostname) async throws(RecoveryError) -> Set<ClientIdentity> {
        try await transaction { database in
            try Self.requireRecord(of: hostname, in: database)
            let identities = try String.fetchCursor(
                database, sql: "SELECT identity FROM client JOIN version ON version.id = versionID WHERE hostname = ? AND active",
                arguments: [hostname.rawValue])
            var clients: Set<ClientIdentity> = []
            while let identity = try identities.next() {
                // A client that is left out would lose its files without a word.
                guard let client = ClientIdentity(rawValue: identity) else {
                    throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "'\(identity)' is no client identity")
                }
                clients.insert(client)
            }
            return clients
        }
    }

    package func activate(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError) {
        try await transaction { database in
            let id = try Self.requireIdentifier(of: version, for: hostname, in: database)
            try database.execute(
                sql: "DELETE FROM version WHERE hostname = ? AND id <> ? AND (active OR id < ?)", arguments: [hostname.rawValue, id, id])
            try database.execute(sql: "UPDATE version SET active = TRUE WHERE id = ?", arguments: [id])
        }
    }

    package func add(_ client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname) async throws(RecoveryError) {
        try await transaction { database in
            let version = try Self.requireIdentifier(of: version, for: hostname, in: database)
            try database.execute(
                sql: "INSERT INTO client (versionID, identity) VALUES (?, ?) ON CONFLICT DO NOTHING", arguments: [version, client.rawValue])
        }
    }

    package func remove(_ client: ClientIdentity, of hostname: ServerHostname) async throws(RecoveryError) {
        try await transaction { database in
            try Self.requireRecord(of: hostname, in: database)
            try database.execute(
                sql: "DELETE FROM client WHERE identity = ? AND versionID = (SELECT id FROM version WHERE hostname = ? AND active)",
                arguments: [client.rawValue, hostname.rawValue])
        }
    }

    package func add(
        _ handle: RevokedFileHandle, of client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname
    ) async throws(RecoveryError) {
        try await transaction { database in
            let versionID = try Self.requireIdentifier(of: version, for: hostname, in: database)
            let clientID = try Int64.fetchOne(
                database, sql: "SELECT id FROM client WHERE versionID = ? AND identity = ?", arguments: [versionID, client.rawValue])
            guard let clientID else { throw RecoveryError.unknownClient(client, version, hostname) }
            try database.execute(
                sql: "INSERT INTO revokedFileHandle (clientID, handle) VALUES (?, ?) ON CONFLICT DO NOTHING",
                arguments: [clientID, handle.rawValue])
        }
    }

    package func close() async {
        // Every answered call is on stable storage already: what can fail here is only the clean-up of the log, and the
        // next start does it as well.
        try? database.close()
    }
}

extension SQLiteRecoveryStore {
    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("versions, clients, revoked filehandles") { database in
            // Identifiers are never used twice: their order is the order in which versions were opened.
            try database.execute(
                sql: """
                    CREATE TABLE version (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        hostname TEXT NOT NULL,
                        version TEXT NOT NULL,
                        active INTEGER NOT NULL DEFAULT FALSE,
                        UNIQUE (hostname, version)
                    ) STRICT;
                    CREATE UNIQUE INDEX activeVersion ON version (hostname) WHERE active;
                    CREATE TABLE client (
                        id INTEGER PRIMARY KEY,
                        versionID INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,
                        identity TEXT NOT NULL,
                        UNIQUE (versionID, identity)
                    ) STRICT;
                    CREATE TABLE revokedFileHandle (
                        clientID INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
                        handle TEXT NOT NULL,
                        PRIMARY KEY (clientID, handle)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        return migrator
    }

    private static func identifier(
        of version: RecoveryVersion, for hostname: ServerHostname, in database: Database
    ) throws -> Int64? {
        try Int64.fetchOne(
            database, sql: "SELECT id FROM version WHERE hostname = ? AND version = ?", arguments: [hostname.rawValue, version.rawValue])
    }

    private static func requireIdentifier(
        of version: RecoveryVersion, for hostname: ServerHostname, in database: Database
    ) throws -> Int64 {
        if let id = try identifier(of: version, for: hostname, in: database) { return id }
        try requireRecord(of: hostname, in: database)
        throw RecoveryError.unknownVersion(version, hostname)
    }

    /// A host is known as long as it has a version: activation deletes all but the version that becomes active.
    private static func requireRecord(of hostname: ServerHostname, in database: Database) throws {
        let isKnown = try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM version WHERE hostname = ?)", arguments: [hostname.rawValue])
        guard isKnown == true else { throw RecoveryError.unknownHost(hostname) }
    }

    private func transaction<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws(RecoveryError) -> Result {
        do {
            return try await database.write(body)
        } catch let error as RecoveryError {
            throw error
        } catch {
            throw Self.unavailable(path, error)
        }
    }

    private static func unavailable(_ path: String, _ error: any Error) -> RecoveryError {
        guard let error = error as? DatabaseError else {
            return .unavailable("the recovery records in \(path) cannot be used: \(error)")
        }
        let advice =
            switch error.resultCode {
            case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH: "name a path this user may write to"
            case .SQLITE_NOTADB, .SQLITE_CORRUPT: "the file is damaged or something else: move it away, or name another path"
            case .SQLITE_FULL: "free some space on its file system"
            case .SQLITE_BUSY, .SQLITE_LOCKED: "another process holds the file: stop it, or name another path"
            case .SQLITE_IOERR: "look for errors of its disk in the kernel's log"
            default: "see the SQLite result code \(error.extendedResultCode.rawValue)"
            }
        return .unavailable("the recovery records in \(path) cannot be used: \(error.message ?? "\(error.resultCode)"): \(advice)")
    }
}
