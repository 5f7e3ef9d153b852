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
    /// The owners that may reclaim and have not yet said that they are done. Whom the period waits for.
    package private(set) var awaited: Set<[UInt8]>
    /// The moment the period ends at the latest.
    package let deadline: MonotonicTime

    /// - Parameter listed: the owners (co_ownerid) that the instance before left on stable storage. Without any there is
    ///   nobody to wait for, and the period begins with its end.
    package init(listed: Set<[UInt8]>, duration: Duration, now: MonotonicTime) {
        awaited = listed
        deadline = now + duration
        phase = listed.isEmpty ? .ending : .open
    }

    /// Whether non-reclaim OPEN and LOCK answer NFS4ERR_GRACE.
    package var isActive: Bool { phase != .over }

    /// Says whether the client may reclaim now.
    /// - Throws: `noGrace` outside the period, after RECLAIM_COMPLETE, and to a client that is not listed: what it held may
    ///   have been granted to others since (§8.4.2.1, §18.51.3).
    package func checkReclaim(_ client: Client) throws(NFSStatus) {
        guard phase == .open, !client.isReclaimComplete, awaited.contains(client.owner) else { throw .noGrace }
    }

    /// Says whether the client may get new state.
    /// - Throws: `grace` in the period, and to a client that has not sent RECLAIM_COMPLETE (§18.51.3).
    package func checkNew(_ client: Client) throws(NFSStatus) {
        guard !isActive, client.isReclaimComplete else { throw .grace }
    }

    /// RECLAIM_COMPLETE: nobody with this owner name may reclaim any more.
    /// - Returns: whether the period ends with this one: make the end durable, then call `ended`.
    package mutating func reclaimComplete(_ owner: [UInt8]) -> Bool { stopAwaiting(owner) }

    /// The owner will not come back. As `reclaimComplete`.
    package mutating func declareDead(_ owner: [UInt8]) -> Bool { stopAwaiting(owner) }

    private mutating func stopAwaiting(_ owner: [UInt8]) -> Bool {
        guard phase == .open, awaited.remove(owner) != nil, awaited.isEmpty else { return false }
        phase = .ending
        return true
    }

    /// - Returns: whether the period ends because its time is up. As `reclaimComplete`.
    package mutating func expire(now: MonotonicTime) -> Bool {
        guard phase == .open, now >= deadline else { return false }
        phase = .ending
        return true
    }

    /// The end is durable.
    package mutating func ended() {
        guard phase == .ending else { return }
        phase = .over
        awaited = []
    }
}
