/// How much the state of clients may grow. Every number bounds memory that a client can make the server use.
package struct StateLimits: Sendable {
    /// Client records, confirmed and unconfirmed.
    package var clients = 16384
    /// Client records that no CREATE_SESSION has confirmed; the oldest gives way to a new one.
    package var unconfirmedClients = 4096
    /// Sessions of all clients.
    package var sessions = 16384
    package var sessionsPerClient = 64
    /// Slots of one session's fore channel at most.
    package var slots = 128
    /// What each session can have however many there are.
    package var minimumSlots = 4
    /// Slots of all sessions together, as long as each can have its minimum: each may keep a reply of `cachedReplyBytes`.
    package var slotsOfAllSessions = 32768
    /// Bytes of a whole request or reply on the fore channel: 1 MiB of data and what is around it. Linux lowers its rsize
    /// and wsize when less is granted than it asks for.
    package var messageBytes = (1 << 20) + 4096
    /// Bytes of one reply kept in a slot.
    package var cachedReplyBytes = 4096
    /// Operations in one COMPOUND.
    package var operations = 64
    /// Opens, lock stateids and locked ranges of one client together.
    package var statesPerClient = 1_000_000
    /// How long the state of a client whose lease has expired is kept at most when nobody wants what it holds.
    package var courtesy = Duration.seconds(24 * 60 * 60)
    /// What all clients together may hold whose lease has expired, before the longest expired are dropped.
    package var statesOfExpiredClients = 1_000_000
    /// Blocked lock requests that are remembered for one file.
    package var lockWaiters = 256
    /// How long after its last try a blocked lock request is remembered. Linux asks every 30 s once it expects to be called.
    package var lockWait = Duration.seconds(60)
    /// How long a lock is kept for a client that was told it is free.
    package var lockReservation = Duration.seconds(5)

    package init() {}
}
