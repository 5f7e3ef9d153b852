import Foundation
import Synchronization

/// A store in an etcd cluster, 3.4 or newer, which several backends may share.
///
/// The keys, each after ``EtcdConfiguration/prefix``:
///
/// | key | value |
/// |---|---|
/// | `/hosts/HOST` | the host's versions and when it was seen: ``HostRecord`` as JSON |
/// | `/writer/HOST` | the version opened last while it may be written to: what fencing compares with |
/// | `/grace/HOST` | when the version was opened that is not yet in force, in seconds since 1970: there while grace runs |
/// | `/clients/HOST/VERSION/CLIENT` | when the client was added and what was revoked: ``ClientRecord`` as JSON |
/// | `/clients/HOST/VERSION//MARKER` | the same for a marker, so that clients are counted without it |
///
/// Every change is one transaction. What changes a host compares the revision of `/hosts/HOST` with the one read, what
/// adds a client compares `/writer/HOST`: a replica whose transaction finds something else reads again, so that no
/// update is lost and none is made on what is no longer so. A transaction that had its effect although its answer was
/// lost finds, when it is repeated, that there is nothing left to do.
package final class EtcdRecoveryStore: HostRegistry {
    /// How often a change is tried while other replicas change the same host.
    private static let maximumTries = 32
    /// How many clients below its limit a host is almost full.
    private static let margin = 4 * AdditionGroup.maximumCount
    /// Keys in one answer.
    private static let page: Int64 = 1000

    private let client: EtcdClient
    private let prefix: String
    private let limits: RegistryLimits
    private let now: @Sendable () -> Date
    private let additions = AdditionGroup()
    /// Hosts whose clients are counted before each further one: the limit is there for the disk, not for the last client.
    private let almostFull = Mutex<Set<ServerHostname>>([])

    /// Does not connect yet. Throws ``RecoveryError/malformed(_:)``.
    package init(
        _ configuration: EtcdConfiguration, limits: RegistryLimits = RegistryLimits(), now: @escaping @Sendable () -> Date = { .now }
    ) throws(RecoveryError) {
        client = try EtcdClient(configuration)
        prefix = configuration.prefix
        self.limits = limits
        self.now = now
    }

    package func open(
        _ version: RecoveryVersion, replacing replaced: RecoveryVersion?, for hostname: ServerHostname
    ) async throws(RecoveryError) {
        let (host, writer, grace) = (key("hosts", hostname), key("writer", hostname), key("grace", hostname))
        try await repeatedly { () async throws(RecoveryError) in
            let found = try await self.read(host)
            if found == nil { try await self.requireRoomForHost() }
            var record =
                try found.map { found throws(RecoveryError) in try self.decode(HostRecord.self, found) } ?? HostRecord(seen: self.now())
            let forgotten = try record.open(version, replacing: replaced, for: hostname, at: self.now())
            var changes: [Etcd.Operation] = [.put(host, self.encode(record)), .put(writer, Data(version.rawValue.utf8))]
            // The newest version is opened again either before its activation or after it.
            if record.active?.name != version { changes.append(.put(grace, Data("\(Int64(self.now().timeIntervalSince1970))".utf8))) }
            changes += forgotten.map { .delete(self.clients(hostname, $0), to: self.end(self.clients(hostname, $0))) }
            return try await self.client.transaction(Etcd.Transaction(compare: [.isUnchanged(host, since: found)], success: changes))
                .succeeded
        }
    }

    package func activeClients(of hostname: ServerHostname) async throws(RecoveryError) -> Set<ClientIdentity> {
        let host = key("hosts", hostname)
        let answer = try await client.range(Etcd.Range(key: host))
        guard let found = answer.kvs?.first else { throw .unknownHost(hostname) }
        var record = try decode(HostRecord.self, found)
        var clients: [ClientIdentity: ClientRecord] = [:]
        if let version = record.active?.name {
            // As of the same revision: another replica may put a new version in force meanwhile.
            clients = try await self.clients(of: hostname, version, at: answer.header?.revision)
        }
        if record.seen < now() - TimeInterval(seenPrecision) {
            record.seen = now()
            // Whoever came between has marked the host as seen as well.
            _ = try? await client.transaction(
                Etcd.Transaction(compare: [.isUnchanged(host, since: found)], success: [.put(host, encode(record))]))
        }
        return Set(clients.keys)
    }

    package func activate(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError) {
        let host = key("hosts", hostname)
        try await change(hostname) { record throws(RecoveryError) in
            let forgotten = try record.activate(version, for: hostname, at: self.now())
            var changes: [Etcd.Operation] = [.put(host, self.encode(record)), .delete(self.key("grace", hostname))]
            if let forgotten { changes.append(.delete(self.clients(hostname, forgotten), to: self.end(self.clients(hostname, forgotten)))) }
            return changes
        }
    }

    package func add(_ clients: Set<ClientIdentity>, to version: RecoveryVersion, of hostname: ServerHostname) async throws(RecoveryError) {
        var remaining = clients[...]
        while !remaining.isEmpty {
            let part = Addition(clients: Set(remaining.prefix(AdditionGroup.maximumCount)), version: version, hostname: hostname)
            try await additions.add(part) { await self.addTogether($0) }
            remaining = remaining.dropFirst(AdditionGroup.maximumCount)
        }
    }

    package func remove(_ client: ClientIdentity, of hostname: ServerHostname) async throws(RecoveryError) {
        try await change(hostname) { record throws(RecoveryError) in
            record.active.map { [.delete(self.clientKey(client, $0.name, hostname))] } ?? []
        }
    }

    package func add(
        _ handle: RevokedFileHandle, of client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname
    ) async throws(RecoveryError) {
        let key = clientKey(client, version, hostname)
        try await repeatedly { () async throws(RecoveryError) in
            let (_, record) = try await self.record(of: hostname)
            try record.requireWritable(version, of: hostname)
            guard let found = try await self.read(key) else { throw .unknownClient(client, version, hostname) }
            var kept = try self.decode(ClientRecord.self, found)
            guard kept.revoked.insert(handle).inserted else { return true }
            return try await self.client.transaction(
                Etcd.Transaction(
                    compare: [.has(self.key("writer", hostname), Data(version.rawValue.utf8)), .isUnchanged(key, since: found)],
                    success: [.put(key, self.encode(kept))])
            ).succeeded
        }
    }

    package func close() async {
        await client.close()
    }
}

extension EtcdRecoveryStore {
    /// Adds all in one transaction, or each in its own when something stands in the way of one of them.
    private func addTogether(_ additions: [Addition]) async -> [AdditionGroup.Outcome] {
        let areCounted = almostFull.withLock { hosts in additions.contains { hosts.contains($0.hostname) } }
        do throws(RecoveryError) {
            if !areCounted, try await addInOneTransaction(additions) { return additions.map { _ in .success(()) } }
        } catch {
            return additions.map { _ in .failure(error) }
        }
        var outcomes: [AdditionGroup.Outcome] = []
        for addition in additions {
            do throws(RecoveryError) {
                try await addAlone(addition)
                outcomes.append(.success(()))
            } catch {
                outcomes.append(.failure(error))
            }
        }
        return outcomes
    }

    /// Returns false when it has done nothing: one of the versions is not the newest, or a client is there already.
    private func addInOneTransaction(_ additions: [Addition]) async throws(RecoveryError) -> Bool {
        var lists: [Etcd.Key: Addition] = [:]
        for addition in additions {
            let list = clients(addition.hostname, addition.version)
            let clients = addition.clients.union(lists[list]?.clients ?? [])
            lists[list] = Addition(clients: clients, version: addition.version, hostname: addition.hostname)
        }
        let keys = lists.values.flatMap { list in list.clients.map { clientKey($0, list.version, list.hostname) } }
        let value = encode(ClientRecord(added: now()))
        let counted = lists.keys.sorted { $0.text < $1.text }
        let answer = try await client.transaction(
            Etcd.Transaction(
                compare: lists.values.map { .has(key("writer", $0.hostname), Data($0.version.rawValue.utf8)) }
                    + keys.map { .isMissing($0) },
                success: counted.map { .range(Etcd.Range(key: $0, range_end: end($0), count_only: true)) } + keys.map { .put($0, value) }))
        guard answer.succeeded == true else { return false }
        for (list, count) in zip(counted, answer.responses ?? []) {
            guard let hostname = lists[list]?.hostname, Int(count.response_range?.count?.value ?? 0) > limits.clientsPerHost - Self.margin
            else { continue }
            almostFull.withLock { _ = $0.insert(hostname) }
        }
        return true
    }

    private func addAlone(_ addition: Addition) async throws(RecoveryError) {
        let (hostname, version) = (addition.hostname, addition.version)
        let all = clients(hostname, version)
        let keys = addition.clients.map { clientKey($0, version, hostname) }
        try await repeatedly { () async throws(RecoveryError) in
            let answer = try await self.client.transaction(
                Etcd.Transaction(
                    success: [
                        .range(Etcd.Range(key: self.key("hosts", hostname))),
                        .range(Etcd.Range(key: all, range_end: self.end(all), count_only: true)),
                    ] + keys.map { .range(Etcd.Range(key: $0, count_only: true)) }))
            let answers = (answer.responses ?? []).compactMap(\.response_range)
            guard answers.count == 2 + keys.count else { throw .unavailable("etcd left out part of an answer") }
            guard let found = answers[0].kvs?.first else { throw .unknownHost(hostname) }
            try self.decode(HostRecord.self, found).requireWritable(version, of: hostname)
            let missing = zip(keys, answers.dropFirst(2)).filter { $1.count == nil }.map(\.0)
            guard !missing.isEmpty else { return true }
            guard Int(answers[1].count?.value ?? 0) + missing.count <= self.limits.clientsPerHost else {
                throw self.limits.tooManyClients(of: hostname)
            }
            let value = self.encode(ClientRecord(added: self.now()))
            return try await self.client.transaction(
                Etcd.Transaction(
                    compare: [.has(self.key("writer", hostname), Data(version.rawValue.utf8))] + missing.map { .isMissing($0) },
                    success: missing.map { .put($0, value) })
            ).succeeded
        }
    }
}

extension EtcdRecoveryStore {
    package func hosts(after hostname: ServerHostname?, limit: Int) async throws(RecoveryError) -> [HostSummary] {
        let records = try await records(after: hostname, limit: limit)
        guard !records.isEmpty else { return [] }
        let counts = try await client.transaction(
            Etcd.Transaction(
                success: records.map { hostname, record in
                    // A host without an active version has no such key.
                    let all = record.active.map { self.clients(hostname, $0.name) } ?? key("none", hostname)
                    // Markers come before what begins with a digit.
                    return .range(Etcd.Range(key: Etcd.Key(all.text + "0"), range_end: end(all), count_only: true))
                }))
        return zip(records, counts.responses ?? []).map { host, answer in
            HostSummary(host.0, host.1, clients: Int(answer.response_range?.count?.value ?? 0))
        }
    }

    package func details(of hostname: ServerHostname) async throws(RecoveryError) -> HostDetails {
        let answer = try await client.range(Etcd.Range(key: key("hosts", hostname)))
        guard let found = answer.kvs?.first else { throw .unknownHost(hostname) }
        let record = try decode(HostRecord.self, found)
        var clients: [RecoveryVersion: [ClientIdentity: ClientRecord]] = [:]
        for version in [record.active, record.pending].compactMap(\.?.name) {
            clients[version] = try await self.clients(of: hostname, version, at: answer.header?.revision)
        }
        return HostDetails(hostname: hostname, record: record, clients: clients)
    }

    package func delete(_ hostname: ServerHostname) async throws(RecoveryError) {
        let answer = try await client.transaction(Etcd.Transaction(success: deletion(of: hostname)))
        guard answer.responses?.first?.response_delete_range?.deleted != nil else { throw .unknownHost(hostname) }
    }

    package func forgetPendingVersions(openedBefore time: Date) async throws(RecoveryError) -> Int {
        var count = 0
        for hostname in try await hostnamesInGrace(since: time) {
            let host = key("hosts", hostname)
            try await repeatedly { () async throws(RecoveryError) in
                guard let found = try await self.read(host) else { return true }
                var record = try self.decode(HostRecord.self, found)
                guard let pending = record.pending, pending.opened < time else { return true }
                record.forgetPending()
                let all = self.clients(hostname, pending.name)
                let changes: [Etcd.Operation] =
                    record.active == nil
                    ? self.deletion(of: hostname)
                    : [
                        .put(host, self.encode(record)), .delete(self.key("writer", hostname)), .delete(self.key("grace", hostname)),
                        .delete(all, to: self.end(all)),
                    ]
                let answer = try await self.client.transaction(
                    Etcd.Transaction(compare: [.isUnchanged(host, since: found)], success: changes))
                if answer.succeeded == true { count += 1 }
                return answer.succeeded
            }
        }
        return count
    }

    package func forgetHosts(unseenSince time: Date) async throws(RecoveryError) -> Int {
        var count = 0
        var last: ServerHostname?
        while true {
            let records = try await records(after: last, limit: HostSummary.maximumPage)
            guard !records.isEmpty else { return count }
            last = records.last?.0
            for (hostname, record) in records where record.seen < time {
                // A server that only adds clients leaves the host's own record as it is.
                let details = try await details(of: hostname)
                guard details.versions.allSatisfy({ $0.clients.allSatisfy { $0.added < time } }) else { continue }
                let host = key("hosts", hostname)
                guard let found = try await read(host), try decode(HostRecord.self, found).seen < time else { continue }
                let answer = try await client.transaction(
                    Etcd.Transaction(compare: [.isUnchanged(host, since: found)], success: deletion(of: hostname)))
                if answer.succeeded == true { count += 1 }
            }
        }
    }

    package func statistics() async throws(RecoveryError) -> RegistryStatistics {
        let answer = try await client.transaction(
            Etcd.Transaction(
                success: [Etcd.Key(prefix + "/hosts/"), Etcd.Key(prefix + "/grace/")].map {
                    .range(Etcd.Range(key: $0, range_end: end($0), count_only: true))
                }))
        let counts = (answer.responses ?? []).map { Int($0.response_range?.count?.value ?? 0) }
        guard counts.count == 2 else { throw .unavailable("etcd left out part of an answer") }
        return RegistryStatistics(hosts: counts[0], hostsInGrace: counts[1])
    }
}

extension EtcdRecoveryStore {
    private func key(_ kind: String, _ hostname: ServerHostname) -> Etcd.Key { Etcd.Key("\(prefix)/\(kind)/\(hostname)") }

    /// What the keys of a version's clients begin with.
    private func clients(_ hostname: ServerHostname, _ version: RecoveryVersion) -> Etcd.Key {
        Etcd.Key("\(prefix)/clients/\(hostname)/\(version)/")
    }

    private func clientKey(_ client: ClientIdentity, _ version: RecoveryVersion, _ hostname: ServerHostname) -> Etcd.Key {
        Etcd.Key(clients(hostname, version).text + (client.isMarker ? "/" : "") + client.rawValue)
    }

    /// The end of the range of keys that begin with `key`: no byte of a key is above a tilde.
    private func end(_ key: Etcd.Key) -> Etcd.Key { Etcd.Key(key.text + "\u{7f}") }

    private func deletion(of hostname: ServerHostname) -> [Etcd.Operation] {
        let clients = Etcd.Key("\(prefix)/clients/\(hostname)/")
        return ["hosts", "writer", "grace"].map { .delete(key($0, hostname)) } + [.delete(clients, to: end(clients))]
    }

    private func encode(_ value: some Encodable) -> Data {
        guard let data = try? JSONEncoder().encode(value) else { preconditionFailure("names, dates and flags can be encoded") }
        return data
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ found: Etcd.KeyValue) throws(RecoveryError) -> Value {
        guard let value = try? JSONDecoder().decode(type, from: found.value ?? Data()) else { throw .damaged(found.key.text) }
        return value
    }

    private func read(_ key: Etcd.Key) async throws(RecoveryError) -> Etcd.KeyValue? {
        try await client.range(Etcd.Range(key: key)).kvs?.first
    }

    private func record(of hostname: ServerHostname) async throws(RecoveryError) -> (Etcd.KeyValue, HostRecord) {
        guard let found = try await read(key("hosts", hostname)) else { throw .unknownHost(hostname) }
        return (found, try decode(HostRecord.self, found))
    }

    private func requireRoomForHost() async throws(RecoveryError) {
        guard try await statistics().hosts < limits.hosts else { throw limits.tooManyHosts() }
    }

    /// Makes what `changes` returns of the record of a known host, in one transaction with what was read.
    private func change(
        _ hostname: ServerHostname, _ changes: (inout HostRecord) throws(RecoveryError) -> [Etcd.Operation]
    ) async throws(RecoveryError) {
        let host = key("hosts", hostname)
        try await repeatedly { () async throws(RecoveryError) in
            var (found, record) = try await self.record(of: hostname)
            let transaction = Etcd.Transaction(compare: [.isUnchanged(host, since: found)], success: try changes(&record))
            return try await self.client.transaction(transaction).succeeded
        }
    }

    /// Tries until `body` says that it is done.
    private func repeatedly(_ body: () async throws(RecoveryError) -> Bool?) async throws(RecoveryError) {
        for _ in 0..<Self.maximumTries {
            if try await body() == true { return }
        }
        throw .unavailable("other replicas of the backend change the same host all the time: try again")
    }

    /// Calls `body` with each key that begins with `all`.
    /// - Parameter revision: as of which; nil for what is so now.
    private func forEach(
        below all: Etcd.Key, at revision: Etcd.Number? = nil, _ body: (Etcd.KeyValue) throws(RecoveryError) -> Void
    ) async throws(RecoveryError) {
        var range = Etcd.Range(key: all, range_end: end(all), limit: Etcd.Number(Self.page), revision: revision)
        while true {
            let answer = try await client.range(range)
            for found in answer.kvs ?? [] { try body(found) }
            guard answer.more == true, let last = answer.kvs?.last else { return }
            range.key = Etcd.Key(last.key.text + "\0")
        }
    }

    private func clients(
        of hostname: ServerHostname, _ version: RecoveryVersion, at revision: Etcd.Number?
    ) async throws(RecoveryError) -> [ClientIdentity: ClientRecord] {
        let all = clients(hostname, version)
        var clients: [ClientIdentity: ClientRecord] = [:]
        try await forEach(below: all, at: revision) { found throws(RecoveryError) in
            // A client that is left out would lose its files without a word.
            guard let client = ClientIdentity(rawValue: String(found.key.text.dropFirst(all.text.count).drop { $0 == "/" })) else {
                throw .damaged(found.key.text)
            }
            clients[client] = try decode(ClientRecord.self, found)
        }
        return clients
    }

    private func records(after hostname: ServerHostname?, limit: Int) async throws(RecoveryError) -> [(ServerHostname, HostRecord)] {
        let all = Etcd.Key(prefix + "/hosts/")
        let first = hostname.map { Etcd.Key(all.text + $0.rawValue + "\0") } ?? all
        let answer = try await client.range(Etcd.Range(key: first, range_end: end(all), limit: Etcd.Number(Int64(limit))))
        return try (answer.kvs ?? []).map { found throws(RecoveryError) in
            guard let hostname = ServerHostname(rawValue: String(found.key.text.dropFirst(all.text.count))) else {
                throw .damaged(found.key.text)
            }
            return (hostname, try decode(HostRecord.self, found))
        }
    }

    private func hostnamesInGrace(since time: Date) async throws(RecoveryError) -> [ServerHostname] {
        let all = Etcd.Key(prefix + "/grace/")
        var hostnames: [ServerHostname] = []
        try await forEach(below: all) { found throws(RecoveryError) in
            guard let hostname = ServerHostname(rawValue: String(found.key.text.dropFirst(all.text.count))),
                let since = TimeInterval(String(decoding: found.value ?? Data(), as: UTF8.self))
            else { throw .damaged(found.key.text) }
            if since < time.timeIntervalSince1970 { hostnames.append(hostname) }
        }
        return hostnames
    }
}
