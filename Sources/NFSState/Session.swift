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

    private let slots: [Slot]
    private let destroyed = Atomic(false)
    private let connections = Mutex([ConnectionID: Channels]())
    private let program: Atomic<UInt32>

    init(id: SessionID, client: Client, fore: ChannelAttributes, back: ChannelAttributes, callbackProgram: UInt32) {
        self.id = id
        self.client = client
        self.fore = fore
        self.back = back
        slots = (0..<fore.maximumRequests).map { _ in Slot() }
        program = Atomic(callbackProgram)
    }

    /// Whether the session was destroyed, or its client removed.
    package var isDestroyed: Bool { destroyed.load(ordering: .acquiring) }

    /// The highest slot id a client may use: sr_highest_slotid and sr_target_highest_slotid (§18.46.2).
    package var highestSlot: UInt32 { fore.maximumRequests - 1 }

    /// cb_program, as CREATE_SESSION or BACKCHANNEL_CTL last set it (§18.33).
    package var callbackProgram: UInt32 { program.load(ordering: .relaxed) }
    package func setCallbackProgram(_ number: UInt32) { program.store(number, ordering: .relaxed) }

    /// SEQUENCE: takes the slot for a new request, or finds the reply of a retried one (§2.10.6.1, §18.46.3). No lock that
    /// another client could hold is taken.
    ///
    /// - Parameter fingerprint: tells this request from others; a retry with another fingerprint is a false one.
    /// - Throws: `badsession`, `badslot`, `badHighSlot`, `seqMisordered`, `delay` for a retry while the request still runs,
    ///   `retryUncachedRep`, `seqFalseRetry`.
    package func begin(
        slot: UInt32, sequence: UInt32, highest: UInt32, cacheThis: Bool, fingerprint: UInt64
    ) throws(NFSStatus) -> SlotStart {
        guard !isDestroyed else { throw .badsession }
        guard slot <= highestSlot else { throw .badslot }
        guard highest <= highestSlot else { throw .badHighSlot }
        if let reply = try slots[Int(slot)].begin(sequence: sequence, fingerprint: fingerprint) { return .replay(reply) }
        return .new(SlotUse(slot: slot, sequence: sequence, cacheThis: cacheThis))
    }

    /// Ends what `begin` started, before the reply goes out: once the client sees it, it may use the slot again.
    /// - Parameter reply: kept for a retry when not longer than `fore.maximumCachedResponse`.
    package func finish(_ use: SlotUse, keeping reply: RawSpan?) {
        let slot = slots[Int(use.slot)]
        if let reply, reply.byteCount <= Int(fore.maximumCachedResponse) {
            slot.finish(sequence: use.sequence, keeping: reply)
        } else {
            slot.finish(sequence: use.sequence, keeping: nil)
        }
    }

    /// The directions in which a connection carries calls of a session (§2.10.3.1).
    package struct Channels: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let fore = Channels(rawValue: 1)
        package static let back = Channels(rawValue: 2)
    }

    /// Adds a connection, or a direction to one that is there. A session that is destroyed takes none.
    package func bind(_ connection: ConnectionID, _ channels: Channels) {
        connections.withLock { connections in
            guard !isDestroyed else { return }
            connections[connection, default: []].formUnion(channels)
        }
    }

    /// Forgets a connection that is closed.
    package func unbind(_ connection: ConnectionID) {
        connections.withLock { _ = $0.removeValue(forKey: connection) }
    }

    package func isBound(_ connection: ConnectionID) -> Bool { connections.withLock { $0[connection] != nil } }

    /// The connections that carry calls to the client, in no order.
    package var backChannel: [ConnectionID] {
        connections.withLock { connections in connections.compactMap { $0.value.contains(.back) ? $0.key : nil } }
    }

    func destroy() {
        destroyed.store(true, ordering: .releasing)
        connections.withLock { $0.removeAll() }
    }
}
