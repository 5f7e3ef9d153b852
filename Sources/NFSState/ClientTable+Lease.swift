import NFSProtocol

extension ClientTable {
    /// The confirmed client with this id; nil as well for one of an earlier server instance.
    package subscript(id: ClientID) -> Client? {
        guard let record = records[id], record.isConfirmed else { return nil }
        return record.client
    }

    /// The confirmed clients, in no order.
    package var confirmedClients: [Client] { records.values.compactMap { $0.isConfirmed ? $0.client : nil } }

    /// Whether the client has not renewed its lease in time (RFC 8881 §8.3).
    package func isExpired(_ client: Client, now: MonotonicTime) -> Bool { now.since(client.renewed) > lease }

    /// Removes the client if its lease has expired: called when its state stands in the way of another client.
    package mutating func removeIfExpired(_ client: Client, now: MonotonicTime) -> DroppedClient? {
        isExpired(client, now: now) ? remove(client) : nil
    }

    /// Removes the client whatever its lease: an administrator said so.
    package mutating func evict(_ client: Client) -> DroppedClient? { remove(client) }

    /// Removes unconfirmed records older than a lease, and confirmed ones whose lease expired more than `courtesy` ago.
    /// - Returns: the confirmed ones. The others never had anything.
    package mutating func removeExpired(now: MonotonicTime, courtesy: Duration) -> [DroppedClient] {
        let expired = records.values.filter { now.since($0.client.renewed) > ($0.isConfirmed ? lease + courtesy : lease) }
        return expired.compactMap { record in
            let dropped = remove(record.client)
            return record.isConfirmed ? dropped : nil
        }
    }
}
