import NFSTestClient

/// A file that many clients open and lock, as a dictionary and an array: what a server has to answer, by the rules of
/// RFC 8881 §9 and nothing else.
struct LockingModel {
    /// A lock-owner: one of several of a client.
    struct Locker: Hashable {
        let client: Int
        let owner: Int
    }

    struct Open {
        var stateID: StateID
        /// What its OPENs asked for.
        var asked: [Asked]
        var access: Share { asked.reduce(.none) { $0.union($1.access) } }
        var deny: Share { asked.reduce(.none) { $0.union($1.deny) } }
    }

    struct Asked {
        let access: Share
        let deny: Share
    }

    /// Where locks begin and end. Every range is made of the parts between two of these; the last part reaches to 2^64-1.
    static let bounds: [UInt64] = [
        0, 1, 2, 7, 8, 100, 4095, 4096, 4097, 1 << 20, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, .max - 100, .max - 1,
    ]

    /// By client: each has one open-owner.
    private(set) var opens: [Int: Open] = [:]
    private(set) var lockStateIDs: [Locker: StateID] = [:]
    /// Who holds what, for each part of the file.
    private(set) var held = [[Locker: LockType]](repeating: [:], count: bounds.count)

    /// The range of some parts, as LOCK names it.
    static func range(_ parts: Range<Int>) -> (offset: UInt64, length: UInt64) {
        let offset = bounds[parts.lowerBound]
        return (offset, parts.upperBound == bounds.count ? .max : bounds[parts.upperBound] - offset)
    }

    /// The parts a range is made of; nil when it is not made of whole ones.
    static func parts(offset: UInt64, length: UInt64) -> Range<Int>? {
        guard let first = bounds.firstIndex(of: offset) else { return nil }
        guard length != .max else { return first..<bounds.count }
        return bounds.firstIndex(of: offset &+ length).map { first..<$0 }
    }

    // MARK: Opens

    func statusOfOpen(access: Share, deny: Share) -> Status {
        // An owner's own open is no exception (§9.7).
        let isDenied = opens.values.contains { !$0.deny.isDisjoint(with: access) || !$0.access.isDisjoint(with: deny) }
        return isDenied ? .shareDenied : .ok
    }

    mutating func open(_ client: Int, access: Share, deny: Share, _ stateID: StateID) {
        opens[client, default: Open(stateID: stateID, asked: [])].asked.append(Asked(access: access, deny: deny))
        opens[client]?.stateID = stateID
    }

    /// What is left must be the union of some of what was asked for (§18.18.3).
    func statusOfDowngrade(_ client: Int, access: Share, deny: Share) -> Status {
        let within = opens[client, default: Open(stateID: .invalid, asked: [])].asked.filter {
            access.isSuperset(of: $0.access) && deny.isSuperset(of: $0.deny)
        }
        let union = Open(stateID: .invalid, asked: within)
        return !access.isEmpty && union.access == access && union.deny == deny ? .ok : .inval
    }

    mutating func downgrade(_ client: Int, access: Share, deny: Share, _ stateID: StateID) {
        opens[client]?.asked.removeAll { !access.isSuperset(of: $0.access) || !deny.isSuperset(of: $0.deny) }
        opens[client]?.stateID = stateID
    }

    /// The locks made under the open go with it.
    mutating func close(_ client: Int) {
        opens[client] = nil
        lockStateIDs = lockStateIDs.filter { $0.key.client != client }
        for part in held.indices { held[part] = held[part].filter { $0.key.client != client } }
    }

    // MARK: Locks

    /// Whether another owner's lock on one part is in the way of a lock.
    private func conflicts(_ part: Int, _ locker: Locker, _ type: LockType) -> Bool {
        held[part].contains { $0.key != locker && (type == .write || $0.value == .write) }
    }

    /// LOCKT.
    func statusOfTest(_ locker: Locker, _ type: LockType, _ parts: Range<Int>) -> Status {
        parts.contains { conflicts($0, locker, type) } ? .denied : .ok
    }

    /// LOCK of a client that has the file open.
    func statusOfLock(_ locker: Locker, _ type: LockType, _ parts: Range<Int>) -> Status {
        guard let open = opens[locker.client], open.access.contains(type == .write ? .write : .read) else { return .openMode }
        return statusOfTest(locker, type, parts)
    }

    /// Whether a lock that a server named is held and in the way of the one it denied.
    func isTrue(_ denied: LockDenied, by holder: Locker, against locker: Locker, _ type: LockType, _ parts: Range<Int>) -> Bool {
        guard let named = Self.parts(offset: denied.offset, length: denied.length), named.overlaps(parts), holder != locker else {
            return false
        }
        return named.allSatisfy { held[$0][holder] == denied.type } && (type == .write || denied.type == .write)
    }

    /// Replaces what the owner holds there, upgrading, downgrading, splitting and merging its locks.
    mutating func lock(_ locker: Locker, _ type: LockType, _ parts: Range<Int>, _ stateID: StateID) {
        for part in parts { held[part][locker] = type }
        lockStateIDs[locker] = stateID
    }

    mutating func unlock(_ locker: Locker, _ parts: Range<Int>, _ stateID: StateID) {
        for part in parts { held[part][locker] = nil }
        lockStateIDs[locker] = stateID
    }
}
