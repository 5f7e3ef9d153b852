/// The right to run one request on a slot, from `Session.begin` until `Session.finish`.
package struct SlotUse: Sendable {
    package let slot: UInt32
    package let sequence: UInt32
    /// sa_cachethis: the client wants the reply kept for a retry.
    package let cacheThis: Bool
}

/// What SEQUENCE found on a slot (RFC 8881 §2.10.6.1).
package enum SlotStart: Sendable {
    /// A new request: run it, and call `Session.finish` before its reply is sent.
    case new(SlotUse)
    /// A retry: the bytes that were given to `finish` the first time.
    case replay([UInt8])
}
