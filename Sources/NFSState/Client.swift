import NFSProtocol
import Synchronization

/// A client as far as every request needs to know it. SEQUENCE touches only this, and takes no lock for it.
///
/// The client record around it is in `ClientTable`.
package final class Client: Sendable {
    package let id: ClientID
    /// co_ownerid, the name the client keeps through restarts of its own and of the server (RFC 8881 §2.4).
    package let owner: [UInt8]
    /// co_verifier, which changes with each start of the client.
    package let verifier: Verifier
    package let principal: Principal
    /// Nil when anybody may act for the client.
    package let protection: MachineProtection?

    /// When the lease was last renewed, in nanoseconds. The highest bit says that it has run out for good: one word, so that a
    /// renewal and the end of the lease cannot both take place.
    private let lease: Atomic<UInt64>
    private let flags = Atomic<UInt8>(0)
    private let states = Atomic<Int>(0)
    /// See `Client+BackChannel.swift`.
    let backChannels = Atomic<Int>(0)
    /// Stateids that were revoked and not freed, by reason.
    private let expiredStates = Atomic<Int>(0)
    private let adminRevokedStates = Atomic<Int>(0)
    /// Compounds that wait for something and must not lose their lease meanwhile.
    private let waiting = Atomic<Int>(0)
    /// The requests whose replies, the first on their slots, told the client of a revocation.
    private let told = Mutex([SlotName: UInt32]())

    private struct SlotName: Hashable {
        let session: SessionID
        let slot: UInt32
    }

    init(id: ClientID, owner: [UInt8], verifier: Verifier, principal: Principal, protection: MachineProtection?, now: MonotonicTime) {
        self.id = id
        self.owner = owner
        self.verifier = verifier
        self.principal = principal
        self.protection = protection
        lease = Atomic(now.nanoseconds & ~Self.hasLapsed)
    }

    private static let hasLapsed: UInt64 = 1 << 63

    private let lastAddress = Mutex("")
    /// Where the client's last session was made from, for people to read; empty before there was one.
    package var address: String { lastAddress.withLock { $0 } }
    package func setAddress(_ address: String) { lastAddress.withLock { $0 = address } }

    private enum Flag {
        static let reclaimComplete: UInt8 = 1
        static let recorded: UInt8 = 2
        static let gone: UInt8 = 4
        static let beingRevoked: UInt8 = 8
        static let unaware: UInt8 = 16
    }

    // MARK: The lease

    /// Renews the lease (§8.3), unless it has lapsed.
    package func renew(now: MonotonicTime) {
        var old = lease.load(ordering: .relaxed)
        while old & Self.hasLapsed == 0 {
            let (isDone, current) = lease.weakCompareExchange(
                expected: old, desired: now.nanoseconds & ~Self.hasLapsed, ordering: .acquiringAndReleasing)
            if isDone { return }
            old = current
        }
    }

    /// When the lease was last renewed.
    package var renewed: MonotonicTime { MonotonicTime(nanoseconds: lease.load(ordering: .acquiring) & ~Self.hasLapsed) }

    /// A compound of the client begins to wait: until it is answered the lease does not run out (§8.3).
    package func beginWaiting() { waiting.add(1, ordering: .acquiringAndReleasing) }
    package func endWaiting(now: MonotonicTime) {
        renew(now: now)
        waiting.subtract(1, ordering: .acquiringAndReleasing)
    }
    var isWaiting: Bool { waiting.load(ordering: .acquiring) > 0 }

    /// Ends the lease for good, so that what the client holds can be taken. Until `endRevocation` nothing renews it and
    /// SEQUENCE tells the client.
    /// - Returns: false when the lease was renewed since `last`, or the state is being revoked already.
    func lapse(ifRenewedLast last: MonotonicTime) -> Bool {
        let exchange = lease.compareExchange(
            expected: last.nanoseconds, desired: last.nanoseconds | Self.hasLapsed, ordering: .acquiringAndReleasing)
        return exchange.exchanged && beginRevocation()
    }

    // MARK: State

    /// Opens, lock stateids, locked ranges and waiting locks of the client, in all shards.
    package var stateCount: Int { states.load(ordering: .acquiring) }

    package var hasState: Bool { stateCount > 0 }

    /// Says whether the client may hold anything new.
    /// - Throws: `expired` for a client that is gone; `delay` for one whose state is being revoked, and afterwards until its name
    ///   is on stable storage again.
    func checkMayHold() throws(NFSStatus) {
        guard !isGone else { throw .expired }
        guard !isBeingRevoked, isRecorded || !isReclaimComplete else { throw .delay }
    }

    /// Says whether the client may have one more open, lock stateid or locked range. A revoked stateid counts as well: the
    /// memory a client can make the server use stays the same.
    /// - Throws: as `checkMayHold`, `serverfault` when it already holds `limit` of them. NFSv4.1 has no status for that, and
    ///   NFS4ERR_DELAY would have the client ask for ever.
    func checkRoom(limit: Int) throws(NFSStatus) {
        try checkMayHold()
        guard stateCount + revokedCount < limit else { throw .serverfault }
    }

    func countState(_ change: Int) { states.wrappingAdd(change, ordering: .acquiringAndReleasing) }

    // MARK: Revocation

    /// Keeps the client from getting anything new while what it holds is taken from it, and for as long after as it may not have
    /// noticed. Its name is about to be taken off stable storage.
    /// - Returns: false when this was so already.
    package func beginRevocation() -> Bool {
        let old = changeFlags { ($0 | Flag.beingRevoked | Flag.unaware) & ~Flag.recorded }
        return old & Flag.beingRevoked == 0
    }

    /// All is taken: the client may have new state, once it knows and is recorded again.
    package func endRevocation() {
        if stateFlags(hasLapsed: false).isEmpty { noticeRevocation() }
        changeFlags { $0 & ~Flag.beingRevoked }
        lease.bitwiseAnd(~Self.hasLapsed, ordering: .acquiringAndReleasing)
    }

    package var isBeingRevoked: Bool { flags.load(ordering: .acquiring) & Flag.beingRevoked != 0 }

    /// Stateids of the client that were revoked and not freed, in all shards.
    package var revokedCount: Int { expiredStates.load(ordering: .acquiring) + adminRevokedStates.load(ordering: .acquiring) }

    /// Counts revoked stateids.
    func countRevoked(_ change: Int, as revocation: Revocation) {
        switch revocation {
        case .expired: expiredStates.wrappingAdd(change, ordering: .acquiringAndReleasing)
        case .administrative: adminRevokedStates.wrappingAdd(change, ordering: .acquiringAndReleasing)
        }
    }

    /// What SEQUENCE tells the client about its state, until each revoked stateid is freed (§18.46.3).
    package var stateFlags: SequenceStatus { stateFlags(hasLapsed: lease.load(ordering: .acquiring) & Self.hasLapsed != 0) }

    private func stateFlags(hasLapsed: Bool) -> SequenceStatus {
        var status: SequenceStatus = []
        if hasLapsed || expiredStates.load(ordering: .acquiring) > 0 { status.insert(.expiredAllStateRevoked) }
        if adminRevokedStates.load(ordering: .acquiring) > 0 { status.insert(.adminStateRevoked) }
        return status
    }

    /// Notes that a reply to the client tells it of a revocation. The next request on the slot proves that it has read it.
    package func tell(on session: SessionID, slot: UInt32, sequence: UInt32) {
        guard !knowsOfRevocation else { return }
        let hasRead = told.withLock { told in
            let before = told.updateValue(sequence, forKey: SlotName(session: session, slot: slot))
            return before != nil && before != sequence
        }
        if hasRead { noticeRevocation() }
    }

    /// The client knows that it has lost what was revoked.
    func noticeRevocation() {
        changeFlags { $0 & ~Flag.unaware }
        told.withLock { $0 = [:] }
    }

    /// Whether the client knows of every revocation. One that does not could reclaim after a restart of the server what others were
    /// granted meanwhile (§8.4.3), so it is not put on stable storage before.
    package var knowsOfRevocation: Bool { flags.load(ordering: .acquiring) & Flag.unaware == 0 }

    // MARK: What is known of the client

    /// Whether the client has sent RECLAIM_COMPLETE for all file systems (§18.51).
    package var isReclaimComplete: Bool { flags.load(ordering: .acquiring) & Flag.reclaimComplete != 0 }

    /// - Throws: `completeAlready` the second time (§18.51.3).
    package func completeReclaim() throws(NFSStatus) {
        let (old, _) = flags.bitwiseOr(Flag.reclaimComplete, ordering: .acquiringAndReleasing)
        if old & Flag.reclaimComplete != 0 { throw .completeAlready }
    }

    /// Whether the client's name is on stable storage: before that nothing it could later reclaim may be acknowledged.
    package var isRecorded: Bool { flags.load(ordering: .acquiring) & Flag.recorded != 0 }
    /// The name is on stable storage; not of a client whose state is being revoked: its name comes off behind this.
    package func setRecorded() { changeFlags { $0 & Flag.beingRevoked == 0 ? $0 | Flag.recorded : $0 } }
    /// The name is about to be taken off stable storage, as the client holds nothing. What it asks for from now on waits until it is
    /// there again.
    package func endRecording() { changeFlags { $0 & ~Flag.recorded } }

    /// Whether the client's record was removed. No state can be made for such a client any more, so that none outlives it.
    package var isGone: Bool { flags.load(ordering: .acquiring) & Flag.gone != 0 }
    func setGone() { flags.bitwiseOr(Flag.gone, ordering: .releasing) }

    /// - Returns: the flags before.
    @discardableResult
    private func changeFlags(_ change: (UInt8) -> UInt8) -> UInt8 {
        var old = flags.load(ordering: .acquiring)
        while true {
            let (isDone, current) = flags.weakCompareExchange(expected: old, desired: change(old), ordering: .acquiringAndReleasing)
            if isDone { return old }
            old = current
        }
    }
}

/// Why state was taken from a client.
package enum Revocation: Sendable {
    /// Its lease ran out and another client wanted what it held (RFC 8881 §8.4.3).
    case expired
    /// An administrator said so (§8.5).
    case administrative

    /// What a stateid of such state answers.
    var status: NFSStatus {
        switch self {
        case .expired: .expired
        case .administrative: .adminRevoked
        }
    }
}
