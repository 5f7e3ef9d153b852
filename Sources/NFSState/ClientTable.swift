import NFSProtocol

/// The client records of the server (RFC 8881 §2.4, §18.35, §18.36, §18.50).
///
/// A plain value: the engine guards it with a lock and calls it with the current time. Lock order: this table, then a
/// `SessionTable` shard or the connections of a `Session`. It is never locked together with a shard of `FileStates`.
package struct ClientTable {
    /// Where the sessions this table makes can be found by their id.
    package let sessions: SessionTable

    package init(instance: ServerInstance, limits: StateLimits, lease: Duration, sessions: SessionTable) {
        fatalError()
    }
}

/// A client whose record was removed: what is left to do once the table is unlocked.
///
/// Its sessions no longer answer and no new state can be made for it. Its opens and locks are still to be dropped from
/// every shard of `FileStates`, and unless `successor` took its place its name is to be taken from stable storage before
/// anything that conflicts with its old state is granted.
package struct DroppedClient: Sendable {
    package let client: Client
    package let sessions: [Session]
    /// The restarted client that took over the owner name.
    package let successor: Client?
}
