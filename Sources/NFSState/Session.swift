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

    init(id: SessionID, client: Client, fore: ChannelAttributes, back: ChannelAttributes, callbackProgram: UInt32) {
        self.id = id
        self.client = client
        self.fore = fore
        self.back = back
    }

    /// Whether the session was destroyed, or its client removed.
    package var isDestroyed: Bool { fatalError() }

    /// The highest slot id a client may use: sr_highest_slotid and sr_target_highest_slotid.
    package var highestSlot: UInt32 { fatalError() }

    /// SEQUENCE: takes the slot for a new request, or finds the reply of a retried one (§2.10.6.1, §18.46.3). Takes no lock.
    ///
    /// - Parameter fingerprint: tells this request from others; a retry with another fingerprint is a false one.
    /// - Throws: `badsession`, `badslot`, `badHighSlot`, `seqMisordered`, `delay` for a retry while the request still runs,
    ///   `retryUncachedRep`, `seqFalseRetry`.
    package func begin(
        slot: UInt32, sequence: UInt32, highest: UInt32, cacheThis: Bool, fingerprint: UInt64
    ) throws(NFSStatus) -> SlotStart {
        fatalError()
    }

    /// Ends what `begin` started, before the reply goes out: once the client sees it, it may use the slot again.
    /// - Parameter reply: kept for a retry when not longer than `fore.maximumCachedResponse`.
    package func finish(_ use: SlotUse, keeping reply: RawSpan?) { fatalError() }

    /// The directions in which a connection carries calls of a session (§2.10.3.1).
    package struct Channels: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let fore = Channels(rawValue: 1)
        package static let back = Channels(rawValue: 2)
    }

    /// Adds a connection, or a direction of one that is already there. A session that is destroyed takes none.
    package func bind(_ connection: ConnectionID, _ channels: Channels) { fatalError() }
    /// Forgets a connection that is closed.
    package func unbind(_ connection: ConnectionID) { fatalError() }
    package func isBound(_ connection: ConnectionID) -> Bool { fatalError() }
    /// The connections that carry calls to the client.
    package var backChannel: [ConnectionID] { fatalError() }
    /// cb_program, as CREATE_SESSION or BACKCHANNEL_CTL last set it (§18.33).
    package var callbackProgram: UInt32 { fatalError() }
    package func setCallbackProgram(_ program: UInt32) { fatalError() }
}
