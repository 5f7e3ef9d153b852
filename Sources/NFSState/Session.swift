import NFSProtocol
import Synchronization

/// A connection, by a number the transport gives to no other connection.
package typealias ConnectionID = UInt64

/// A session: its channels, its slots and its connections (RFC 8881 §2.10).
package final class Session: Sendable {
    package let id: SessionID
    package let client: Client
    package let fore: ChannelAttributes
    package let back: ChannelAttributes

    /// As many as the session can ever have; the first `slotCount` can be used. Their number never falls: a client that has
    /// missed that it did would be refused.
    private let slots: [Slot]
    private let slotCount: Atomic<UInt32>
    /// The replies of that many slots are kept.
    private let keptCount: Atomic<UInt32>
    private let budget: SlotBudget
    private let destroyed = Atomic(false)
    private let connections = Mutex([ConnectionID: Channels]())
    /// A `BackChannelCondition`. Changes below the lock of `connections`.
    private let backChannelCondition = Atomic(BackChannelCondition.none.rawValue)
    /// When the last RPCSEC_GSS context for calls to the client ends, in nanoseconds; the highest number when that is never.
    private let contextsEnd = Atomic(UInt64.max)

    /// - Parameters:
    ///   - fore: with the number of slots to begin with.
    ///   - slots: how many the client can use at most.
    init(
        id: SessionID, client: Client, fore: ChannelAttributes, back: ChannelAttributes, slots: UInt32, budget: SlotBudget
    ) {
        self.id = id
        self.client = client
        self.fore = fore
        self.back = back
        self.slots = (0..<slots).map { _ in Slot() }
        self.budget = budget
        slotCount = Atomic(fore.maximumRequests)
        keptCount = Atomic(fore.maximumRequests)
    }

    /// Whether the session was destroyed, or its client removed.
    package var isDestroyed: Bool { destroyed.load(ordering: .acquiring) }

    // MARK: Slots

    /// SEQUENCE: takes the slot for a new request, or finds the reply of a retried one (§2.10.6.1, §18.46.3). No lock that
    /// another client could hold is taken.
    ///
    /// - Parameter fingerprint: tells this request from others; a retry with another fingerprint is a false one.
    /// - Throws: `badsession`, `badslot`, `badHighSlot`, `seqMisordered`, `delay` for a retry while the request still runs,
    ///   `seqFalseRetry`.
    package func begin(
        slot: UInt32, sequence: UInt32, highest: UInt32, cacheThis: Bool, fingerprint: UInt64
    ) throws(NFSStatus) -> SlotStart {
        guard !isDestroyed else { throw .badsession }
        let count = slotCount.load(ordering: .acquiring)
        guard slot < count else { throw .badslot }
        guard highest < count else { throw .badHighSlot }
        let target = min(budget.share, UInt32(slots.count))
        let used = max(slot, highest) + 1
        let range = SlotRange(highest: max(count, target) - 1, target: target - 1)
        switch try slots[Int(slot)].begin(sequence: sequence, fingerprint: fingerprint, target: target) {
        case .new(let seen):
            raise(slotCount, to: target)
            raise(keptCount, to: max(target, used))
            // When the client knew that it is to use no more slots, and uses none above, it has every reply of those above.
            if seen <= target, used <= target { freeReplies(above: target) }
            return .new(SlotUse(slot: slot, sequence: sequence, cacheThis: cacheThis, range: range))
        case .replay(let reply): return .replay(reply)
        case .notKept: return .notKept(range)
        }
    }

    private func raise(_ number: borrowing Atomic<UInt32>, to least: UInt32) {
        if number.load(ordering: .relaxed) < least { number.max(least, ordering: .acquiringAndReleasing) }
    }

    private func freeReplies(above count: UInt32) {
        let kept = keptCount.load(ordering: .relaxed)
        guard kept > count, keptCount.compareExchange(expected: kept, desired: count, ordering: .acquiringAndReleasing).exchanged
        else { return }
        for slot in slots[Int(count)..<Int(kept)] { slot.freeReply() }
    }

    /// Ends what `begin` started, before the reply goes out: once the client sees it, it may use the slot again.
    /// - Parameter reply: kept for a retry when not longer than `fore.maximumCachedResponse`.
    package func finish(_ use: SlotUse, keeping reply: RawSpan?) {
        let slot = slots[Int(use.slot)]
        if let reply, reply.byteCount <= Int(fore.maximumCachedResponse), use.slot < keptCount.load(ordering: .relaxed) {
            slot.finish(sequence: use.sequence, keeping: reply)
        } else {
            slot.finish(sequence: use.sequence, keeping: nil)
        }
    }

    /// Slots on which a request is under way.
    package var slotsInUse: Int { slots.count { $0.isInUse } }

    /// Bytes of all kept replies.
    package var keptBytes: Int { slots.reduce(0) { $0 + $1.keptBytes } }

    // MARK: Connections

    /// The directions in which a connection carries calls of a session (§2.10.3.1).
    package struct Channels: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let fore = Channels(rawValue: 1)
        package static let back = Channels(rawValue: 2)
        /// Not the client's word but SEQUENCE added the connection to the fore channel.
        static let impliedFore = Channels(rawValue: 4)
    }

    /// channel_dir_from_client4: what a client wants of a connection (§18.34.1).
    package enum Direction: UInt32, Sendable {
        case fore = 1
        case back = 2
        case foreOrBoth = 3
        case backOrBoth = 7

        fileprivate var wanted: Channels {
            switch self {
            case .fore: .fore
            case .back: .back
            case .foreOrBoth, .backOrBoth: [.fore, .back]
            }
        }

        /// Whether a connection bound so already is what the client asks for.
        fileprivate func accepts(_ channels: Channels) -> Bool {
            switch self {
            case .fore, .back: channels == wanted
            case .foreOrBoth: channels.contains(.fore)
            case .backOrBoth: channels.contains(.back)
            }
        }
    }

    /// CREATE_SESSION: adds the connection it came over. A session that is destroyed takes none.
    package func adopt(_ connection: ConnectionID, _ channels: Channels) {
        connections.withLock { connections in
            if !isDestroyed { connections[connection, default: []].formUnion(channels) }
        }
    }

    /// SEQUENCE: adds a connection that is not there yet to the fore channel (§2.10.3.1).
    /// - Throws: `connNotBoundToSession` where only BIND_CONN_TO_SESSION may add one (§15.1.11.6).
    package func associate(_ connection: ConnectionID) throws(NFSStatus) {
        try connections.withLock { connections throws(NFSStatus) in
            if client.protection?.enforced.contains(.bindConnToSession) == true {
                guard connections[connection] != nil else { throw .connNotBoundToSession }
            } else if !isDestroyed {
                connections[connection, default: []].insert(.impliedFore)
            }
        }
    }

    /// BIND_CONN_TO_SESSION: adds a connection, for as many directions as the client accepts.
    /// - Returns: the directions the connection is bound to.
    /// - Throws: `inval` when the connection was bound before to others than the client asks for (§18.34.3); `badsession`.
    package func bind(_ connection: ConnectionID, _ direction: Direction) throws(NFSStatus) -> Channels {
        try connections.withLock { connections throws(NFSStatus) in
            guard !isDestroyed else { throw .badsession }
            let bound = connections[connection, default: []].intersection([.fore, .back])
            guard bound.isEmpty else {
                guard direction.accepts(bound) else { throw .inval }
                return bound
            }
            connections[connection, default: []].formUnion(direction.wanted)
            return direction.wanted
        }
    }

    /// Forgets a connection that is closed.
    package func unbind(_ connection: ConnectionID) {
        connections.withLock { _ = $0.removeValue(forKey: connection) }
    }

    package func isBound(_ connection: ConnectionID) -> Bool { connections.withLock { $0[connection] != nil } }

    // MARK: The back channel

    /// Says how the back channel is, for SEQUENCE to tell. A session that is destroyed has none.
    /// - Parameter contextsEnd: when the last RPCSEC_GSS context the client assigned to it ends; nil when there never was one.
    package func setBackChannel(_ condition: BackChannelCondition, contextsEnd: MonotonicTime? = nil) {
        connections.withLock { _ in
            guard !isDestroyed else { return }
            change(to: condition)
            self.contextsEnd.store(contextsEnd?.nanoseconds ?? .max, ordering: .relaxed)
        }
    }

    private func change(to condition: BackChannelCondition) {
        let old = backChannelCondition.exchange(condition.rawValue, ordering: .acquiringAndReleasing)
        client.countBackChannel(from: BackChannelCondition(rawValue: old) ?? .none, to: condition)
    }

    /// What SEQUENCE tells the client about its back channels. A client that never had one is told nothing: what §2.10.13.2.4
    /// demands to be told is a loss.
    /// - Parameter leaseSeconds: contexts that end within this time are told of beforehand.
    package func backChannelStatus(now: MonotonicTime, leaseSeconds: UInt32) -> SequenceStatus {
        var status: SequenceStatus = client.hasLostBackChannel ? .callbackPathDown : []
        let contextsEnd = contextsEnd.load(ordering: .relaxed)
        if contextsEnd != .max {
            if contextsEnd <= now.nanoseconds {
                status.insert(.callbackContextsExpired)
            } else if contextsEnd - now.nanoseconds <= UInt64(leaseSeconds) * 1_000_000_000 {
                status.insert(.callbackContextsExpiring)
            }
        }
        switch BackChannelCondition(rawValue: backChannelCondition.load(ordering: .relaxed)) {
        case .lost: status.insert(.callbackPathDownSession)
        case .faulty: status.insert(.backChannelFault)
        default: break
        }
        return status
    }

    func destroy() {
        connections.withLock { connections in
            destroyed.store(true, ordering: .releasing)
            connections.removeAll()
            change(to: .none)
        }
    }
}
