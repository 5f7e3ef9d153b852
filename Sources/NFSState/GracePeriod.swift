import NFSProtocol

/// The time after a restart in which clients reclaim what they held (RFC 8881 §8.4.2).
///
/// Its end has two steps. Once nobody is left to wait for, or the time is up, reclaims stop and the caller makes the end
/// durable; only then may clients get new state. Granted earlier, a crash in between would leave the next instance a list
/// from which they are missing (§8.4.2.1).
package struct GracePeriod: Sendable {
    package enum Phase: Sendable {
        /// Listed clients reclaim.
        case open
        /// No more reclaims; the end is to be made durable.
        case ending
        case over
    }

    package private(set) var phase: Phase

    /// - Parameter listed: the owners (co_ownerid) that the instance before left on stable storage. Without any there is
    ///   nobody to wait for and the period begins with its end.
    package init(listed: Set<[UInt8]>, duration: Duration, now: MonotonicTime) { fatalError() }

    /// Whether non-reclaim OPEN and LOCK answer NFS4ERR_GRACE.
    package var isActive: Bool { fatalError() }

    /// Whom the period still waits for.
    package var awaited: Set<[UInt8]> { fatalError() }

    /// The moment the period ends at the latest.
    package let deadline: MonotonicTime

    /// Says whether the client may reclaim now.
    /// - Throws: `noGrace` outside the period, after the client's RECLAIM_COMPLETE, and to a client that is not listed, since
    ///   others may have been granted what it lost (§8.4.2.1).
    package func checkReclaim(_ client: Client) throws(NFSStatus) { fatalError() }

    /// Says whether the client may get new state.
    /// - Throws: `grace` in the period, and to a client that has not sent RECLAIM_COMPLETE (§18.51.3).
    package func checkNew(_ client: Client) throws(NFSStatus) { fatalError() }

    /// RECLAIM_COMPLETE of the owner: nobody with this name may reclaim any more.
    /// - Returns: whether the period ends with this one: make the end durable, then call `ended`.
    package mutating func reclaimComplete(_ owner: [UInt8]) -> Bool { fatalError() }

    /// The owner will not come back. As `reclaimComplete`.
    package mutating func declareDead(_ owner: [UInt8]) -> Bool { fatalError() }

    /// - Returns: whether the period ends because its time is up. As `reclaimComplete`.
    package mutating func expire(now: MonotonicTime) -> Bool { fatalError() }

    /// The end is durable.
    package mutating func ended() { fatalError() }
}
