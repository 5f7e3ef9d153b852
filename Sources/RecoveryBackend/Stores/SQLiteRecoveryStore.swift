import Foundation
import GRDB

/// A store in one SQLite file, for a recovery backend and for a server that keeps its own records.
///
/// A call returns after its transaction is on stable storage: the write-ahead log is synchronised at each commit, once
/// for all calls that came while the commit before was under way.
package final class SQLiteRecoveryStore: HostRegistry {
    private let path: String
    private let limits: RegistryLimits
    /// Seconds since 1970: the precision of all times.
    private let now: @Sendable () -> Int64
    private let commits: CommitGroup
    /// One connection: every call here is a short transaction, and readers never wait for long.
    package let database: DatabaseQueue

    /// Opens the file, and creates it and its missing directories. Throws ``RecoveryError/unavailable(_:)`` when that
    /// is not possible or the file is something else.
    package init(
        path: String, limits: RegistryLimits = RegistryLimits(), patience: Duration = .seconds(3), clock: any Clock<Duration> = .continuous,
        now: @escaping @Sendable () -> Date = { .now }
    ) throws(RecoveryError) {
        self.path = path
        self.limits = limits
        self.now = { Int64(now().timeIntervalSince1970) }
        do {
            try Directory.create(enclosing: path)
        } catch {
            throw .unavailable(
                "cannot create the directory of \(path) for the recovery records: \(error): name a path this user may write to")
        }
        do {
            var configuration = Configuration()
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(1)
            configuration.label = "recovery"
            database = try DatabaseQueue(path: path, configuration: configuration)
            // GRDB chooses NORMAL together with the write-ahead log, which may lose the last transactions with the power.
            try database.inDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            let migrator = Self.migrator
            guard try !database.read(migrator.hasBeenSuperseded) else {
                throw RecoveryError.unavailable("\(path) was written by a newer release: run that one, or name another path")
            }
            try migrator.migrate(database)
            commits = CommitGroup(
                database, patience: patience, clock: clock,
                late: .unavailable("the disk of \(path) has not answered for \(patience): look for errors in the kernel's log"))
        } catch let error as RecoveryError {
            throw error
        } catch {
            throw Self.unavailable(path, error)
        }
    }

    package func open(
        _ version: RecoveryVersion, replacing replaced: RecoveryVersion?, for hostname: ServerHostname
    ) async throws(RecoveryError) {
        try await transaction { [limits, now] database in
            if let found = try Version(version, of: hostname, in: database) {
                guard !found.isSuperseded else { throw RecoveryError.superseded(version, hostname) }
                try database.execute(sql: "DELETE FROM client WHERE versionID = ?", arguments: [found.id])
                try database.execute(sql: "UPDATE version SET opened = ? WHERE id = ?", arguments: [now(), found.id])
            } else {
                if let replaced, let writable = try Self.writable(of: hostname, in: database), writable != replaced.rawValue {
                    throw RecoveryError.superseded(replaced, hostname)
                }
                if try Int.fetchOne(database, sql: "SELECT 1 FROM host WHERE hostname = ?", arguments: [hostname.rawValue]) == nil {
                    let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM host") ?? 0
                    guard count < limits.hosts else { throw limits.tooManyHosts() }
                    try database.execute(sql: "INSERT INTO host (hostname, seen) VALUES (?, ?)", arguments: [hostname.rawValue, now()])
                }
                try database.execute(
                    sql: """
                        DELETE FROM client WHERE versionID IN (
                            SELECT id FROM version WHERE hostname = ? AND NOT active AND NOT superseded)
                        """, arguments: [hostname.rawValue])
                try database.execute(sql: "UPDATE version SET superseded = TRUE WHERE hostname = ?", arguments: [hostname.rawValue])
                try database.execute(
                    sql: """
                        DELETE FROM version WHERE id IN (
                            SELECT id FROM version WHERE hostname = ? AND NOT active ORDER BY id DESC LIMIT -1 OFFSET ?)
                        """, arguments: [hostname.rawValue, RecoveryVersion.maximumSuperseded])
                try database.execute(
                    sql: "INSERT INTO version (hostname, version, opened) VALUES (?, ?, ?)",
                    arguments: [hostname.rawValue, version.rawValue, now()])
            }
            try Self.markSeen(hostname, at: now(), in: database)
        }
    }

    package func activeClients(of hostname: ServerHostname) async throws(RecoveryError) -> Set<ClientIdentity> {
        let (clients, isSeen) = try await transaction { [now] database in
            let known = try database.cachedStatement(sql: "SELECT seen FROM host WHERE hostname = ?")
            guard let seen = try Int64.fetchOne(known, arguments: [hostname.rawValue]) else { throw RecoveryError.unknownHost(hostname) }
            let clients = try Self.clients(
                database, sql: "SELECT identity FROM client JOIN version ON version.id = versionID WHERE hostname = ? AND active",
                arguments: [hostname.rawValue])
            return (Set(clients), seen >= now() - seenPrecision)
        }
        // Only now and then a write, which a full disk would refuse without anybody being the worse for it.
        if !isSeen { try? await transaction { [now] in try Self.markSeen(hostname, at: now(), in: $0) } }
        return clients
    }

    package func activate(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError) {
        try await transaction { [now] database in
            let found = try Self.requireWritable(version, of: hostname, in: database)
            guard !found.isActive else { return }
            try database.execute(
                sql: "DELETE FROM client WHERE versionID = (SELECT id FROM version WHERE hostname = ? AND active)",
                arguments: [hostname.rawValue])
            try database.execute(sql: "UPDATE version SET active = FALSE WHERE hostname = ? AND active", arguments: [hostname.rawValue])
            try database.execute(sql: "UPDATE version SET active = TRUE, activated = ? WHERE id = ?", arguments: [now(), found.id])
            try Self.markSeen(hostname, at: now(), in: database)
        }
    }

    package func add(_ clients: Set<ClientIdentity>, to version: RecoveryVersion, of hostname: ServerHostname) async throws(RecoveryError) {
        try await transaction { [limits, now] database in
            let version = try Self.requireWritable(version, of: hostname, in: database)
            let missing = try clients.filter { try Self.identifier(of: $0, in: version, database) == nil }
            guard !missing.isEmpty else { return }
            let counting = try database.cachedStatement(sql: "SELECT count(*) FROM client WHERE versionID = ?")
            let count = try Int.fetchOne(counting, arguments: [version.id]) ?? 0
            guard count + missing.count <= limits.clientsPerHost else { throw limits.tooManyClients(of: hostname) }
            let insertion = try database.cachedStatement(sql: "INSERT INTO client (versionID, identity, added) VALUES (?, ?, ?)")
            let time = now()
            for client in missing { try insertion.execute(arguments: [version.id, client.rawValue, time]) }
            try Self.markSeen(hostname, at: time, within: seenPrecision, in: database)
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
            let found = try Self.requireWritable(version, of: hostname, in: database)
            guard let clientID = try Self.identifier(of: client, in: found, database) else {
                throw RecoveryError.unknownClient(client, version, hostname)
            }
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
        migrator.registerMigration("hosts, times, superseded versions") { database in
            try database.execute(
                sql: """
                    CREATE TABLE host (
                        hostname TEXT PRIMARY KEY,
                        seen INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    INSERT INTO host SELECT DISTINCT hostname, unixepoch() FROM version;
                    ALTER TABLE version ADD COLUMN opened INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE version ADD COLUMN activated INTEGER;
                    ALTER TABLE version ADD COLUMN superseded INTEGER NOT NULL DEFAULT FALSE;
                    UPDATE version SET opened = unixepoch(), superseded = EXISTS (
                        SELECT 1 FROM version later WHERE later.hostname = version.hostname AND later.id > version.id);
                    UPDATE version SET activated = unixepoch() WHERE active;
                    CREATE INDEX pendingVersion ON version (hostname) WHERE NOT active AND NOT superseded;
                    ALTER TABLE client ADD COLUMN added INTEGER NOT NULL DEFAULT 0;
                    UPDATE client SET added = unixepoch();
                    DELETE FROM client WHERE versionID IN (SELECT id FROM version WHERE superseded AND NOT active);
                    """)
        }
        return migrator
    }

    /// A row of a version.
    private struct Version {
        let id: Int64
        let isActive: Bool
        let isSuperseded: Bool

        init?(_ version: RecoveryVersion, of hostname: ServerHostname, in database: Database) throws {
            let statement = try database.cachedStatement(
                sql: "SELECT id, active, superseded FROM version WHERE hostname = ? AND version = ?")
            guard let row = try Row.fetchOne(statement, arguments: [hostname.rawValue, version.rawValue]) else { return nil }
            (id, isActive, isSuperseded) = (row[0], row[1], row[2])
        }
    }

    private static func requireWritable(
        _ version: RecoveryVersion, of hostname: ServerHostname, in database: Database
    ) throws -> Version {
        let found = try Version(version, of: hostname, in: database)
        if let found, !found.isSuperseded { return found }
        try requireRecord(of: hostname, in: database)
        // Names of old versions are forgotten; that another is the newest tells as much.
        let isSuperseded = try found != nil || writable(of: hostname, in: database) != nil
        throw isSuperseded ? RecoveryError.superseded(version, hostname) : RecoveryError.unknownVersion(version, hostname)
    }

    /// The version opened last, the only one that is written to; nil when it is forgotten.
    private static func writable(of hostname: ServerHostname, in database: Database) throws -> String? {
        try String.fetchOne(
            database, sql: "SELECT version FROM version WHERE hostname = ? AND NOT superseded", arguments: [hostname.rawValue])
    }

    private static func requireRecord(of hostname: ServerHostname, in database: Database) throws {
        let isKnown = try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM host WHERE hostname = ?)", arguments: [hostname.rawValue])
        guard isKnown == true else { throw RecoveryError.unknownHost(hostname) }
    }

    private static func identifier(of client: ClientIdentity, in version: Version, _ database: Database) throws -> Int64? {
        let statement = try database.cachedStatement(sql: "SELECT id FROM client WHERE versionID = ? AND identity = ?")
        return try Int64.fetchOne(statement, arguments: [version.id, client.rawValue])
    }

    /// The clients a statement yields. Throws for text that is none: a client that is left out would lose its files
    /// without a word.
    private static func clients(_ database: Database, sql: String, arguments: StatementArguments) throws -> [ClientIdentity] {
        try String.fetchAll(database, sql: sql, arguments: arguments).map { identity in
            guard let client = ClientIdentity(rawValue: identity) else {
                throw RecoveryError.damaged(identity)
            }
            return client
        }
    }

    /// Notes that the host's server was heard of, unless that is noted within `precision` seconds already.
    private static func markSeen(_ hostname: ServerHostname, at time: Int64, within precision: Int64 = 0, in database: Database) throws {
        let statement = try database.cachedStatement(sql: "UPDATE host SET seen = ?1 WHERE hostname = ?2 AND seen <= ?1 - ?3")
        try statement.execute(arguments: [time, hostname.rawValue, precision])
    }

    func transaction<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws(RecoveryError) -> Result {
        do {
            return try await commits.perform(body)
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

extension RecoveryError {
    /// The store holds text that it cannot have been given.
    static func damaged(_ text: String) -> RecoveryError {
        .unavailable("the recovery records hold '\(text)', which nobody wrote: they are damaged, restore a backup or delete the host")
    }
}
