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

    /// Takes a client off the record, which must be in force.
    func remove(_ owner: [UInt8]) async throws

    /// Puts this instance's record in force: from now on a restart goes by it.
    func activate() async throws
}
