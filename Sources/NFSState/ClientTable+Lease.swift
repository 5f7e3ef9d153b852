import NFSProtocol

/// Guards leases against pauses of the server itself: a stopped process or a suspended machine hears of nobody, and its clients
/// are not to blame.
struct LeaseWatch: Sendable {
    /// The last moment the server was known to be awake; nil before the first.
    private var awake: MonotonicTime?
    /// Leases count from here at the earliest: the end of the last pause.
    private var start = MonotonicTime(nanoseconds: 0)

    /// Silence of the server for longer than this was a pause.
    let patience: Duration

    init(lease: Duration) { patience = lease / 4 }

    mutating func note(_ now: MonotonicTime) {
        if let awake, now.since(awake) > patience { start = now }
        awake = now
    }

    /// How long a client has been silent while it could have been heard.
    func silence(since renewed: MonotonicTime, now: MonotonicTime) -> Duration {
        if let awake, now.since(awake) > patience { return .zero }
        return now.since(max(renewed, start))
    }
}

extension ClientTable {
    /// The confirmed client with this id; nil as well for one of an earlier server instance.
    package subscript(id: ClientID) -> Client? {
        guard let record = records[id], record.isConfirmed else { return nil }
        return record.client
    }

    /// The confirmed clients, in no order.
    package var confirmedClients: [Client] { records.values.compactMap { $0.isConfirmed ? $0.client : nil } }

    /// Tells the table that the server is awake: several times in each quarter of a lease, or leases stand still.
    package mutating func noteAwake(now: MonotonicTime) { watch.note(now) }

    /// Whether the client has not renewed its lease in time (RFC 8881 §8.3).
    package func isExpired(_ client: Client, now: MonotonicTime) -> Bool {
        !client.isWaiting && watch.silence(since: client.renewed, now: now) > lease
    }

    /// Ends the lease of a client if it has run out: from now on the client cannot renew it, and is told that it has lost its state.
    /// - Returns: false if the lease runs on, or the client is not in the table.
    package func lapse(_ client: Client, now: MonotonicTime) -> Bool {
        let renewed = client.renewed
        return records[client.id] != nil && isExpired(client, now: now) && client.lapse(ifRenewedLast: renewed)
    }

    /// Removes unconfirmed records older than a lease and confirmed ones whose lease expired longer ago than courtesy lasts.
    /// While expired clients hold more state than they may together, the longest expired goes.
    /// - Returns: the confirmed ones. The others never had anything.
    package mutating func removeExpired(now: MonotonicTime) -> [DroppedClient] {
        for record in records.values where !record.isConfirmed && isExpired(record.client, now: now) { _ = remove(record.client) }
        let expired = confirmedClients.filter { isExpired($0, now: now) }.sorted { $0.renewed < $1.renewed }
        var held = expired.reduce(0) { $0 + $1.stateCount + $1.revokedCount }
        var dropped: [DroppedClient] = []
        for client in expired {
            let isTooOld = watch.silence(since: client.renewed, now: now) > lease + limits.courtesy
            guard isTooOld || held > limits.statesOfExpiredClients else { break }
            held -= client.stateCount + client.revokedCount
            if lapse(client, now: now), let client = remove(client) { dropped.append(client) }
        }
        return dropped
    }

    /// Removes the longest expired client, for somebody else who needs its place.
    /// - Parameter kept: the one that comes back in this moment.
    mutating func removeLongestExpired(except kept: Client?, now: MonotonicTime) -> DroppedClient? {
        let expired = confirmedClients.filter { $0 !== kept && isExpired($0, now: now) }
        guard let client = expired.min(by: { $0.renewed < $1.renewed }), lapse(client, now: now) else { return nil }
        return remove(client)
    }
    /// Removes the longest expired client when there is no room for another session.
    package mutating func makeRoomForSession(of client: ClientID, now: MonotonicTime) -> DroppedClient? {
        sessions.count < limits.sessions ? nil : removeLongestExpired(except: records[client]?.client, now: now)
    }
}
