/// Where the identities of clients outlive the server (see the recovery backend): what the engine asks of it.
///
/// One value stands for one instance of the server: `open` begins its record, and the others speak of that record.
package protocol RecoveryStorage: Sendable {
    /// Begins this instance's record and tells the owners of the clients that may reclaim: those that were on the record of
    /// the last instance that finished its grace period.
    /// - Returns: co_ownerid of each, in no order.
    func open() async throws -> [[UInt8]]

    /// Puts a client on this instance's record. Durable when it returns; idempotent.
    func add(_ owner: [UInt8]) async throws

    /// Takes a client off this instance's record. Durable when it returns, or, as long as the record is not in force, when
    /// `activate` returns.
    func remove(_ owner: [UInt8]) async throws

    /// Puts this instance's record in force: from now on a restart goes by it. Called again after it failed.
    func activate() async throws

    /// The server stops as planned, after its grace period, and answers no request any more. Of its clients only these hold
    /// something that they could reclaim.
    func stop(holding owners: [[UInt8]]) async throws
}

extension RecoveryStorage {
    /// What a record that has nothing to finish does.
    package func stop(holding owners: [[UInt8]]) {}
}
