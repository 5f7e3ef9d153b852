import NFSProtocol

extension ClientTable {
    /// The confirmed client with this id; nil as well for one of an earlier server instance.
    package subscript(id: ClientID) -> Client? { fatalError() }

    /// The confirmed clients, in no order.
    package var confirmedClients: [Client] { fatalError() }

    /// Whether the client has not renewed its lease in time (§8.3).
    package func isExpired(_ client: Client, now: MonotonicTime) -> Bool { fatalError() }

    /// Removes the client when its lease has expired: called when its state stands in the way of another client.
    package mutating func removeIfExpired(_ client: Client, now: MonotonicTime) -> DroppedClient? { fatalError() }

    /// Removes the client whatever its lease: an administrator said so.
    package mutating func remove(_ client: Client) -> DroppedClient? { fatalError() }

    /// Removes unconfirmed records older than a lease, and confirmed ones whose lease expired more than `courtesy` ago.
    package mutating func removeExpired(now: MonotonicTime, courtesy: Duration) -> [DroppedClient] { fatalError() }
}
