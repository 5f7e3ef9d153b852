import NFSProtocol
import Synchronization

/// Where the back channel of a session stands.
package enum BackChannelCondition: UInt8, Sendable {
    /// The client has not asked for one that could be used, or what it gave for it has ended.
    case none
    /// The client has not answered its first call yet.
    case untested
    case works
    /// It had connections, and none of them reaches the client any more.
    case lost
    /// The client answers in a way that leaves no slot usable.
    case faulty
}

extension Client {
    // One word, so that both counts are read together: sessions whose back channel works above, those that lost theirs below.
    private static let oneWorks = 1 << 32
    private static let oneLost = 1

    func countBackChannel(from old: BackChannelCondition, to new: BackChannelCondition) {
        let change = Self.weight(new) - Self.weight(old)
        if change != 0 { backChannels.wrappingAdd(change, ordering: .acquiringAndReleasing) }
    }

    private static func weight(_ condition: BackChannelCondition) -> Int {
        switch condition {
        case .works: oneWorks
        case .lost: oneLost
        case .none, .untested, .faulty: 0
        }
    }

    /// Whether the client can be called.
    package var hasBackChannel: Bool { backChannels.load(ordering: .relaxed) >= Self.oneWorks }

    /// Whether sessions of the client lost their back channels and none has one that works (RFC 8881 §18.46.3).
    var hasLostBackChannel: Bool { (1..<Self.oneWorks).contains(backChannels.load(ordering: .relaxed)) }
}
