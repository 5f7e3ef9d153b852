/// What a client is told about the slots it may use (RFC 8881 §2.10.6.1).
package struct SlotRange: Hashable, Sendable {
    /// sr_highest_slotid: the highest slot that is accepted.
    package let highest: UInt32
    /// sr_target_highest_slotid: the highest slot the client should use.
    package let target: UInt32

    package init(highest: UInt32, target: UInt32) {
        self.highest = highest
        self.target = target
    }
}

/// The right to run one request on a slot, from `Session.begin` until `Session.finish`.
package struct SlotUse: Sendable {
    package let slot: UInt32
    package let sequence: UInt32
    /// sa_cachethis: the client wants the reply kept for a retry.
    package let cacheThis: Bool
    package let range: SlotRange
}

/// What SEQUENCE found on a slot (RFC 8881 §2.10.6.1).
package enum SlotStart: Sendable {
    /// A new request: run it, and call `Session.finish` before its reply is sent.
    case new(SlotUse)
    /// A retry: the bytes that were given to `finish` the first time.
    case replay([UInt8])
    /// A retry of a request whose reply was not kept: SEQUENCE succeeds again, and what follows is not run (§2.10.6.1.3).
    case notKept(SlotRange)
}
