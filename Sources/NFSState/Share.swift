import NFSProtocol

/// What one OPEN asks for: access for itself, and what it denies to others (RFC 8881 §9.7).
struct Share: Hashable, Sendable {
    var access: ShareAccess
    var deny: ShareAccess
}

/// The combinations of access and deny that occurred, one bit each: access is one of three, deny one of four.
struct ShareSet: Sendable {
    private var bits: UInt16 = 0

    mutating func insert(_ share: Share) { bits |= Self.bit(share) }

    /// The members that ask for no more than `share`.
    func within(_ share: Share) -> ShareSet {
        var result = self
        for member in Self.all where !(share.access.isSuperset(of: member.access) && share.deny.isSuperset(of: member.deny)) {
            result.bits &= ~Self.bit(member)
        }
        return result
    }

    /// All access and all deny of the members.
    var union: Share {
        var union = Share(access: [], deny: [])
        for member in Self.all where bits & Self.bit(member) != 0 {
            union.access.formUnion(member.access)
            union.deny.formUnion(member.deny)
        }
        return union
    }

    private static let all = (UInt32(0)..<12).map { Share(access: ShareAccess(rawValue: $0 / 4 + 1), deny: ShareAccess(rawValue: $0 % 4)) }

    private static func bit(_ share: Share) -> UInt16 { 1 << ((share.access.rawValue - 1) * 4 + share.deny.rawValue) }
}
