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
    /// - Returns: the record, and the record it displaced, whose state is to be dropped.
    /// - Throws: `clidInuse`, `noent`, `notSame`, `perm` as the cases say; `delay` when there is no room for another record.
    package mutating func exchangeID(
        owner: [UInt8], verifier: Verifier, principal: Principal, updatesConfirmed: Bool, now: MonotonicTime
    ) throws(NFSStatus) -> (ExchangeIDResult, DroppedClient?) {
        fatalError()
    }
}
