import Foundation

/// A store that forgets everything when the process ends: for tests and for a backend that need not survive.
package actor MemoryRecoveryStore: HostRegistry {
    private struct Host {
        var record: HostRecord
        var clients: [RecoveryVersion: [ClientIdentity: ClientRecord]] = [:]
    }

    private let limits: RegistryLimits
    private let now: @Sendable () -> Date
    private var hosts: [ServerHostname: Host] = [:]

    package init(limits: RegistryLimits = RegistryLimits(), now: @escaping @Sendable () -> Date = { .now }) {
        self.limits = limits
        self.now = now
    }

    package func open(
        _ version: RecoveryVersion, replacing replaced: RecoveryVersion?, for hostname: ServerHostname
    ) throws(RecoveryError) {
        guard hosts[hostname] != nil || hosts.count < limits.hosts else { throw limits.tooManyHosts() }
        var host = hosts[hostname] ?? Host(record: HostRecord(seen: now()))
        for forgotten in try host.record.open(version, replacing: replaced, for: hostname, at: now()) { host.clients[forgotten] = nil }
        hosts[hostname] = host
    }

    package func activeClients(of hostname: ServerHostname) throws(RecoveryError) -> Set<ClientIdentity> {
        let host = try host(hostname)
        hosts[hostname]?.record.seen = now()
        return Set((host.record.active.flatMap { host.clients[$0.name] } ?? [:]).keys)
    }

    package func activate(_ version: RecoveryVersion, for hostname: ServerHostname) throws(RecoveryError) {
        var host = try host(hostname)
        if let forgotten = try host.record.activate(version, for: hostname, at: now()) { host.clients[forgotten] = nil }
        hosts[hostname] = host
    }

    package func add(_ clients: Set<ClientIdentity>, to version: RecoveryVersion, of hostname: ServerHostname) throws(RecoveryError) {
        let host = try host(hostname)
        try host.record.requireWritable(version, of: hostname)
        let kept = (host.clients[version] ?? [:]).merging(clients.map { ($0, ClientRecord(added: now())) }) { old, _ in old }
        guard kept.count <= max(limits.clientsPerHost, host.clients[version]?.count ?? 0) else { throw limits.tooManyClients(of: hostname) }
        hosts[hostname]?.clients[version] = kept
        hosts[hostname]?.record.seen = now()
    }

    package func remove(_ client: ClientIdentity, of hostname: ServerHostname) throws(RecoveryError) {
        guard let active = try host(hostname).record.active else { return }
        hosts[hostname]?.clients[active.name]?[client] = nil
    }

    package func add(
        _ handle: RevokedFileHandle, of client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname
    ) throws(RecoveryError) {
        let host = try host(hostname)
        try host.record.requireWritable(version, of: hostname)
        guard host.clients[version]?[client] != nil else { throw .unknownClient(client, version, hostname) }
        hosts[hostname]?.clients[version]?[client]?.revoked.insert(handle)
    }

    package func close() {}

    private func host(_ hostname: ServerHostname) throws(RecoveryError) -> Host {
        guard let host = hosts[hostname] else { throw .unknownHost(hostname) }
        return host
    }
}

extension MemoryRecoveryStore {
    package func hosts(after hostname: ServerHostname?, limit: Int) -> [HostSummary] {
        let names = hosts.keys.map(\.rawValue).filter { name in hostname.map { $0.rawValue < name } ?? true }.sorted()
        return names.prefix(limit).compactMap(ServerHostname.init(rawValue:)).compactMap { name in
            hosts[name].map {
                HostSummary(
                    name, $0.record, clients: $0.record.active.flatMap { hosts[name]?.clients[$0.name]?.keys.count { !$0.isMarker } } ?? 0)
            }
        }
    }

    package func details(of hostname: ServerHostname) throws(RecoveryError) -> HostDetails {
        let host = try host(hostname)
        return HostDetails(hostname: hostname, record: host.record, clients: host.clients)
    }

    package func delete(_ hostname: ServerHostname) throws(RecoveryError) {
        guard hosts.removeValue(forKey: hostname) != nil else { throw .unknownHost(hostname) }
    }

    package func forgetPendingVersions(openedBefore time: Date) -> Int {
        var count = 0
        for (hostname, host) in hosts {
            guard let pending = host.record.pending, pending.opened < time else { continue }
            hosts[hostname]?.record.forgetPending()
            hosts[hostname]?.clients[pending.name] = nil
            if host.record.active == nil { hosts[hostname] = nil }
            count += 1
        }
        return count
    }

    package func forgetHosts(unseenSince time: Date) -> Int {
        let before = hosts.count
        hosts = hosts.filter { $0.value.record.seen >= time }
        return before - hosts.count
    }

    package func statistics() -> RegistryStatistics {
        RegistryStatistics(hosts: hosts.count, hostsInGrace: hosts.values.count { $0.record.pending != nil })
    }
}

extension HostSummary {
    init(_ hostname: ServerHostname, _ record: HostRecord, clients: Int) {
        self.init(
            hostname: hostname, seen: record.seen, activeVersion: record.active?.name, clients: clients,
            pendingVersion: record.pending?.name)
    }
}
