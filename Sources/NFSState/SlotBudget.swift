import Synchronization

/// Divides the slots of the server among its sessions (RFC 8881 §2.10.6.1): each may have its share, which falls as sessions come
/// and rises as they go.
final class SlotBudget: Sendable {
    private let limits: StateLimits
    private let current: Atomic<UInt32>

    init(limits: StateLimits) {
        self.limits = limits
        current = Atomic(Self.share(limits, sessions: 1))
    }

    /// Slots of one session.
    var share: UInt32 { current.load(ordering: .relaxed) }

    func divide(among sessions: Int) { current.store(Self.share(limits, sessions: sessions), ordering: .relaxed) }

    private static func share(_ limits: StateLimits, sessions: Int) -> UInt32 {
        UInt32(clamping: min(max(limits.slotsOfAllSessions / max(sessions, 1), limits.minimumSlots, 1), limits.slots))
    }
}
