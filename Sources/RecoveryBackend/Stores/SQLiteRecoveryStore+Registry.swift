import Foundation
import GRDB

extension SQLiteRecoveryStore {
    package func hosts(after hostname: ServerHostname?, limit: Int) async throws(RecoveryError) -> [HostSummary] {
        try await transaction { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT hostname, seen,
                        (SELECT version FROM version WHERE version.hostname = host.hostname AND active) AS active,
                        (SELECT version FROM version WHERE version.hostname = host.hostname AND NOT active AND NOT superseded) AS pending,
                        (SELECT count(*) FROM client JOIN version ON version.id = versionID
                            WHERE version.hostname = host.hostname AND active 
                                AND substr(identity, instr(identity, ':') + 1) NOT GLOB ?3 || '*') AS clients
                    FROM host WHERE hostname > ?1 ORDER BY hostname LIMIT ?2
                    """, arguments: [hostname?.rawValue ?? "", limit, ClientIdentity.markerPrefix])
            return try rows.map { row in
                HostSummary(
                    hostname: try row.key("hostname"), seen: row.time("seen"), activeVersion: try row.optionalKey("active"),
                    clients: row["clients"], pendingVersion: try row.optionalKey("pending"))
            }
        }
    }

    package func details(of hostname: ServerHostname) async throws(RecoveryError) -> HostDetails {
        try await transaction { database in
            let host = try Row.fetchOne(database, sql: "SELECT seen FROM host WHERE hostname = ?", arguments: [hostname.rawValue])
            guard let host else { throw RecoveryError.unknownHost(hostname) }
            let versions = try Row.fetchAll(
                database, sql: "SELECT * FROM version WHERE hostname = ? ORDER BY id", arguments: [hostname.rawValue])
            return HostDetails(
                hostname: hostname, seen: host.time("seen"),
                versions: try versions.map { version in
                    HostDetails.Version(
                        version: try version.key("version"),
                        state: version["active"] ? .active : version["superseded"] ? .superseded : .pending,
                        opened: version.time("opened"), activated: version["activated"] == nil ? nil : version.time("activated"),
                        clients: try Self.clients(of: version["id"], in: database))
                })
        }
    }

    private static func clients(of versionID: Int64, in database: Database) throws -> [HostDetails.Client] {
        let rows = try Row.fetchAll(
            database, sql: "SELECT id, identity, added FROM client WHERE versionID = ? ORDER BY identity", arguments: [versionID])
        return try rows.compactMap { row in
            let id: ClientIdentity = try row.key("identity")
            guard !id.isMarker else { return nil }
            let handles = try String.fetchAll(
                database, sql: "SELECT handle FROM revokedFileHandle WHERE clientID = ? ORDER BY handle", arguments: [row["id"] as Int64])
            return HostDetails.Client(
                id: id, added: row.time("added"),
                revokedFileHandles: handles.compactMap(RevokedFileHandle.init(rawValue:)))
        }
    }

    package func delete(_ hostname: ServerHostname) async throws(RecoveryError) {
        try await transaction { database in
            try database.execute(sql: "DELETE FROM host WHERE hostname = ?", arguments: [hostname.rawValue])
            guard database.changesCount > 0 else { throw RecoveryError.unknownHost(hostname) }
            try database.execute(sql: "DELETE FROM version WHERE hostname = ?", arguments: [hostname.rawValue])
        }
    }

    package func forgetPendingVersions(openedBefore time: Date) async throws(RecoveryError) -> Int {
        try await transaction { database in
            try database.execute(
                sql: "DELETE FROM version WHERE NOT active AND NOT superseded AND opened < ?", arguments: [time.timeIntervalSince1970])
            let count = database.changesCount
            // Without an active version there is nobody a successor would wait for, and nothing to keep.
            try database.execute(
                sql: """
                    DELETE FROM version WHERE hostname NOT IN (SELECT hostname FROM version WHERE active OR NOT superseded);
                    DELETE FROM host WHERE hostname NOT IN (SELECT hostname FROM version);
                    """)
            return count
        }
    }

    package func forgetHosts(unseenSince time: Date) async throws(RecoveryError) -> Int {
        try await transaction { database in
            try database.execute(sql: "DELETE FROM host WHERE seen < ?", arguments: [time.timeIntervalSince1970])
            let count = database.changesCount
            try database.execute(sql: "DELETE FROM version WHERE hostname NOT IN (SELECT hostname FROM host)")
            return count
        }
    }

    package func statistics() async throws(RecoveryError) -> RegistryStatistics {
        try await transaction { database in
            RegistryStatistics(
                hosts: try Int.fetchOne(database, sql: "SELECT count(*) FROM host") ?? 0,
                hostsInGrace: try Int.fetchOne(database, sql: "SELECT count(*) FROM version WHERE NOT active AND NOT superseded") ?? 0)
        }
    }
}

extension Row {
    fileprivate func time(_ column: String) -> Date {
        Date(timeIntervalSince1970: TimeInterval(self[column] as Int64))
    }

    fileprivate func key<Key: RawRepresentable<String>>(_ column: String) throws -> Key {
        guard let key: Key = try optionalKey(column) else { throw RecoveryError.damaged("NULL") }
        return key
    }

    fileprivate func optionalKey<Key: RawRepresentable<String>>(_ column: String) throws -> Key? {
        guard let text: String = self[column] else { return nil }
        guard let key = Key(rawValue: text) else { throw RecoveryError.damaged(text) }
        return key
    }
}
