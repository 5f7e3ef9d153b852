/// A store that forgets everything when the process ends: for tests and for a backend that need not survive.
package actor MemoryRecoveryStore: RecoveryStore {
    private struct Record {
        let version: RecoveryVersion
        var isActive = false
        var revokedByClient: [ClientIdentity: Set<RevokedFileHandle>] = [:]
    }

    /// For each host its versions, the one opened first in front.
    private var recordsByHost: [ServerHostname: [Record]] = [:]

    package init() {}

    package func open(_ version: RecoveryVersion, for hostname: ServerHostname) {
        var records = recordsByHost[hostname, default: []]
        if let index = records.firstIndex(where: { $0.version == version }) {
            records[index].revokedByClient = [:]
        } else {
            records.append(Record(version: version))
            let excess = records.count { !$0.isActive } - RecoveryVersion.maximumOpen
            if excess > 0, let oldest = records.firstIndex(where: { !$0.isActive }) {
                records.remove(at: oldest)
            }
        }
        recordsByHost[hostname] = records
    }

    package func activeClients(of hostname: ServerHostname) throws(RecoveryError) -> Set<ClientIdentity> {
        let active = try records(of: hostname).first { $0.isActive }
        return active.map { Set($0.revokedByClient.keys) } ?? []
    }

    package func activate(_ version: RecoveryVersion, for hostname: ServerHostname) throws(RecoveryError) {
        let index = try index(of: version, for: hostname)
        var later = Array(try records(of: hostname)[index...]).filter { !$0.isActive || $0.version == version }
        later[0].isActive = true
        recordsByHost[hostname] = later
    }

    package func add(_ client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname) throws(RecoveryError) {
        let index = try index(of: version, for: hostname)
        recordsByHost[hostname]?[index].revokedByClient[client, default: []].formUnion([])
    }

    package func remove(_ client: ClientIdentity, of hostname: ServerHostname) throws(RecoveryError) {
        guard let index = try records(of: hostname).firstIndex(where: \.isActive) else { return }
        recordsByHost[hostname]?[index].revokedByClient[client] = nil
    }

    package func add(
        _ handle: RevokedFileHandle, of client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname
    ) throws(RecoveryError) {
        let index = try index(of: version, for: hostname)
        let inserted: Void? = recordsByHost[hostname]?[index].revokedByClient[client]?.formUnion([handle])
        guard inserted != nil else { throw .unknownClient(client, version, hostname) }
    }

    package func close() {}

    private func records(of hostname: ServerHostname) throws(RecoveryError) -> [Record] {
        guard let records = recordsByHost[hostname] else { throw .unknownHost(hostname) }
        return records
    }

    private func index(of version: RecoveryVersion, for hostname: ServerHostname) throws(RecoveryError) -> Int {
        guard let index = try records(of: hostname).firstIndex(where: { $0.version == version }) else {
            throw .unknownVersion(version, hostname)
        }
        return index
    }
}
