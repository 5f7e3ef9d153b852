import Synchronization

/// Divides the slots of the server among its sessions (RFC 8881 §2.10.6.1): each may have its share, which falls as sessions come
/// and rises as they go.
final class SlotBudget: Sendable {
    private let limits: StateLimits
    private let current: Atomic<UInt32>

    init(limits: StateLimits) {
        self.limits = limits
        current = Atomic(Self.share(limits, among: 1))
    }

    /// Slots of one session.
    var share: UInt32 { current.load(ordering: .relaxed) }

    func divide(among sessions: Int) { current.store(share(among: sessions), ordering: .relaxed) }

    /// Slots of one session if there are so many.
    func share(among sessions: Int) -> UInt32 { Self.share(limits, among: sessions) }

    private static func share(_ limits: StateLimits, among sessions: Int) -> UInt32 {
        UInt32(clamping: min(max(limits.slotsOfAllSessions / max(sessions, 1), limits.minimumSlots, 1), limits.slots))
    }
}
