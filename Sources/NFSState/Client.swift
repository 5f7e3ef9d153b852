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

    let lastRenewal: Atomic<UInt64>
    private let flags = Atomic<UInt8>(0)
    private let states = Atomic<Int>(0)
    /// See `Client+BackChannel.swift`.
    let backChannels = Atomic<Int>(0)

    init(id: ClientID, owner: [UInt8], verifier: Verifier, principal: Principal, now: MonotonicTime) {
        self.id = id
        self.owner = owner
        self.verifier = verifier
        self.principal = principal
        lastRenewal = Atomic(now.nanoseconds)
    }

    private enum Flag {
        static let reclaimComplete: UInt8 = 1
        static let recorded: UInt8 = 2
        static let gone: UInt8 = 4
    }

    /// Renews the lease (§8.3).
    package func renew(now: MonotonicTime) { lastRenewal.store(now.nanoseconds, ordering: .relaxed) }

    /// When the lease was last renewed.
    package var renewed: MonotonicTime { MonotonicTime(nanoseconds: lastRenewal.load(ordering: .relaxed)) }

    /// Opens, lock stateids and locked ranges of the client, in all shards.
    package var stateCount: Int { states.load(ordering: .acquiring) }

    package var hasState: Bool { stateCount > 0 }

    /// Says whether the client may have one more open, lock stateid or locked range.
    /// - Throws: `expired` for a client that is gone, `serverfault` when it already holds `limit` of them. NFSv4.1 has no
    ///   status for that, and NFS4ERR_DELAY would have the client ask for ever.
    func checkRoom(limit: Int) throws(NFSStatus) {
        guard !isGone else { throw .expired }
        guard stateCount < limit else { throw .serverfault }
    }

    func countState(_ change: Int) { states.wrappingAdd(change, ordering: .acquiringAndReleasing) }

    /// Whether the client has sent RECLAIM_COMPLETE for all file systems (§18.51).
    package var isReclaimComplete: Bool { flags.load(ordering: .acquiring) & Flag.reclaimComplete != 0 }

    /// - Throws: `completeAlready` the second time (§18.51.3).
    package func completeReclaim() throws(NFSStatus) {
        let (old, _) = flags.bitwiseOr(Flag.reclaimComplete, ordering: .acquiringAndReleasing)
        if old & Flag.reclaimComplete != 0 { throw .completeAlready }
    }

    /// Whether the client's name is on stable storage: before that nothing it could later reclaim may be acknowledged.
    package var isRecorded: Bool { flags.load(ordering: .acquiring) & Flag.recorded != 0 }
    package func setRecorded() { flags.bitwiseOr(Flag.recorded, ordering: .releasing) }

    /// Whether the client's record was removed. No state can be made for such a client any more, so that none outlives it.
    package var isGone: Bool { flags.load(ordering: .acquiring) & Flag.gone != 0 }
    func setGone() { flags.bitwiseOr(Flag.gone, ordering: .releasing) }
}
