import NFSProtocol

/// The client records of the server (RFC 8881 §2.4, §18.35, §18.36, §18.50).
///
/// A plain value: the engine guards it with a lock and calls it with the current time. Lock order: this table, then a
/// shard of `SessionTable`, then the connections of a `Session`. It is never locked together with a shard of `FileStates`.
package struct ClientTable: Sendable {
    /// One client record. An owner has at most two: a confirmed one, and that of a later start of the client which no
    /// CREATE_SESSION has confirmed yet.
    struct Record: Sendable {
        let client: Client
        var isConfirmed = false
        var sessions: [SessionID] = []
        /// The slot of CREATE_SESSION (§18.36.4): sequence id and outcome of the last one. It begins as if the one before
        /// the first had failed.
        var sequence: UInt32 = 0
        var outcome: Result<CreateSessionResult, NFSStatus> = .failure(.seqMisordered)
    }

    struct Owner: Sendable {
        var confirmed: ClientID?
        var unconfirmed: ClientID?
    }

    /// Where the sessions this table makes are found by their id.
    package let sessions: SessionTable
    let instance: ServerInstance
    let limits: StateLimits
    let lease: Duration
    var watch: LeaseWatch

    var records: [ClientID: Record] = [:]
    var owners: [[UInt8]: Owner] = [:]
    /// What the sessions have of the slots there are.
    let slots: SlotBudget
    private var unconfirmedCount = 0
    private var lastClient: UInt32 = 0
    private var lastSession: UInt64 = 0

    package init(instance: ServerInstance, limits: StateLimits, lease: Duration, sessions: SessionTable) {
        self.instance = instance
        self.limits = limits
        self.lease = lease
        watch = LeaseWatch(lease: lease)
        self.sessions = sessions
        slots = SlotBudget(limits: limits)
    }

    mutating func nextSessionID(for client: Client) -> SessionID {
        lastSession += 1
        return SessionID(high: client.id.rawValue, low: lastSession)
    }

    /// Adds an unconfirmed record. When there is no room, the client whose lease expired longest ago gives way, or the oldest
    /// unconfirmed record.
    /// - Returns: the client, and the one that gave way.
    mutating func add(
        owner: [UInt8], verifier: Verifier, principal: Principal, protection: MachineProtection?, now: MonotonicTime
    ) throws(NFSStatus) -> (Client, DroppedClient?) {
        let confirmed = owners[owner]?.confirmed.flatMap { records[$0]?.client }
        let dropped = records.count >= limits.clients ? removeLongestExpired(except: confirmed, now: now) : nil
        if unconfirmedCount >= limits.unconfirmedClients || records.count >= limits.clients {
            let unconfirmed = records.values.lazy.filter { !$0.isConfirmed }
            guard let oldest = unconfirmed.min(by: { $0.client.renewed < $1.client.renewed }) else { throw .delay }
            _ = remove(oldest.client)
        }
        var id: ClientID
        repeat {
            lastClient &+= 1
            id = ClientID(instance: instance, counter: lastClient)
        } while records[id] != nil
        let client = Client(id: id, owner: owner, verifier: verifier, principal: principal, protection: protection, now: now)
        records[id] = Record(client: client)
        owners[owner, default: Owner()].unconfirmed = id
        unconfirmedCount += 1
        return (client, dropped)
    }

    /// Makes the client's record the confirmed one of its owner.
    /// - Returns: the one that was.
    mutating func confirm(_ client: Client) -> DroppedClient? {
        var dropped: DroppedClient?
        if let earlier = owners[client.owner]?.confirmed.flatMap({ records[$0] }) {
            // The name on stable storage is the owner's and stays.
            if earlier.client.isRecorded { client.setRecorded() }
            dropped = remove(earlier.client, successor: client)
        }
        records[client.id]?.isConfirmed = true
        owners[client.owner] = Owner(confirmed: client.id)
        unconfirmedCount -= 1
        return dropped
    }

    /// Removes a record, its sessions with it.
    mutating func remove(_ client: Client, successor: Client? = nil) -> DroppedClient? {
        guard let record = records.removeValue(forKey: client.id) else { return nil }
        if record.isConfirmed {
            owners[client.owner]?.confirmed = nil
        } else {
            owners[client.owner]?.unconfirmed = nil
            unconfirmedCount -= 1
        }
        if let owner = owners[client.owner], owner.confirmed == nil, owner.unconfirmed == nil { owners[client.owner] = nil }
        client.setGone()
        let removed = record.sessions.compactMap { removeSession($0) }
        return DroppedClient(client: client, wasConfirmed: record.isConfirmed, sessions: removed, successor: successor)
    }

    func insertSession(_ session: Session) {
        sessions.insert(session)
        slots.divide(among: sessions.count)
    }

    func removeSession(_ id: SessionID) -> Session? {
        defer { slots.divide(among: sessions.count) }
        return sessions.remove(id)
    }

    package func checkInvariants() throws(InvariantViolation) {
        var named = 0
        for (name, owner) in owners {
            try require(owner.confirmed != nil || owner.unconfirmed != nil, "an owner without a record")
            for (id, isConfirmed) in [(owner.confirmed, true), (owner.unconfirmed, false)] {
                guard let id else { continue }
                named += 1
                guard let record = records[id] else { throw InvariantViolation("owner names record \(id), which is missing") }
                try require(record.isConfirmed == isConfirmed, "owner and record \(id) differ on confirmation")
                try require(record.client.owner == name, "record \(id) belongs to another owner")
            }
        }
        try require(named == records.count, "\(records.count) records, but owners name \(named)")
        try require(unconfirmedCount == records.values.count { !$0.isConfirmed }, "the count of unconfirmed records is wrong")
        var sessionCount = 0
        for (id, record) in records {
            try require(record.client.id == id, "record \(id) under another id")
            try require(!record.client.isGone, "client \(id) is gone and has a record")
            try require(record.isConfirmed || record.sessions.isEmpty, "unconfirmed client \(id) has a session")
            sessionCount += record.sessions.count
            for session in record.sessions {
                guard let found = try? sessions.find(session) else { throw InvariantViolation("session \(session) is not in the table") }
                try require(found.client === record.client && !found.isDestroyed, "session \(session) is not of client \(id)")
            }
        }
        try require(sessions.count == sessionCount, "\(sessions.count) sessions, but records name \(sessionCount)")
    }
}

/// A client whose record was removed: what is left to do once the table is unlocked.
///
/// Its sessions no longer answer and no new state can be made for it. Its opens and locks are still to be dropped from
/// every shard (`FileStateShards.dropAll`), and unless `successor` took its place its name is to be taken from stable
/// storage before anything that conflicts with its old state is granted.
package struct DroppedClient: Sendable {
    package let client: Client
    /// An unconfirmed client never had anything, and anybody can claim its name.
    package let wasConfirmed: Bool
    package let sessions: [Session]
    /// The restarted client that took over the owner name.
    package let successor: Client?
}
