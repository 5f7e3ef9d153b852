import NFSProtocol

/// What EXCHANGE_ID answers (RFC 8881 §18.35.2).
package struct ExchangeIDResult: Sendable {
    package let client: Client
    /// eir_sequenceid: what the client's next CREATE_SESSION must carry.
    package let sequence: UInt32
    /// EXCHGID4_FLAG_CONFIRMED_R.
    package let isConfirmed: Bool
}

extension ClientTable {
    /// EXCHANGE_ID: all nine cases of §18.35.4.
    ///
    /// - Parameter updatesConfirmed: EXCHGID4_FLAG_UPD_CONFIRMED_REC_A.
    /// - Returns: the record, and the record it displaced (at most one: a collision makes room), whose state is to be dropped.
    /// - Throws: `clidInuse`, `noent`, `notSame`, `perm` as the cases say; `delay` when there is no room for another record.
    package mutating func exchangeID(
        owner: [UInt8], verifier: Verifier, principal: Principal, protection: MachineProtection? = nil, updatesConfirmed: Bool,
        now: MonotonicTime
    ) throws(NFSStatus) -> (ExchangeIDResult, DroppedClient?) {
        let confirmed = owners[owner]?.confirmed.flatMap { records[$0] }
        if updatesConfirmed {
            guard let confirmed else { throw .noent }  // case 7
            guard confirmed.client.verifier == verifier else { throw .notSame }  // case 8
            guard confirmed.client.isOwned(by: principal) else { throw .perm }  // case 9
            return (ExchangeIDResult(confirmed), nil)  // case 6
        }
        var collision: Client?
        if let confirmed {
            if !confirmed.client.isOwned(by: principal) {
                // Case 3. A session counts as state, or any principal could end the sessions of another.
                let holdsState = confirmed.client.hasState || !confirmed.sessions.isEmpty
                if holdsState, !lapse(confirmed.client, now: now) { throw .clidInuse }
                collision = confirmed.client
            } else if confirmed.client.verifier == verifier {
                return (ExchangeIDResult(confirmed), nil)  // case 2
            }
            // Case 5, the client has restarted: its old record stays until CREATE_SESSION proves that it is the client.
        }
        // Case 4: an unconfirmed record of the owner gives way. Then case 1.
        if let unconfirmed = owners[owner]?.unconfirmed.flatMap({ records[$0] }) { _ = remove(unconfirmed.client) }
        let dropped = collision.flatMap { remove($0) }
        let (client, displaced) = try add(owner: owner, verifier: verifier, principal: principal, protection: protection, now: now)
        return (ExchangeIDResult(Record(client: client)), dropped ?? displaced)
    }
}

extension ExchangeIDResult {
    fileprivate init(_ record: ClientTable.Record) {
        self.init(client: record.client, sequence: record.sequence &+ 1, isConfirmed: record.isConfirmed)
    }
}
