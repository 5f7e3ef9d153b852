import XDR

/// stateid4: names a share reservation or a set of byte-range locks (RFC 8881 §3.3.12, §8.2).
@frozen @usableFromInline package struct StateID: Hashable, Sendable {
    /// The part of a stateid that stays the same while its state changes: 12 bytes.
    @frozen @usableFromInline package struct Other: Hashable, Sendable {
        @usableFromInline package var high: UInt64
        @usableFromInline package var low: UInt32

        @inlinable package init(high: UInt64, low: UInt32) {
            self.high = high
            self.low = low
        }
    }

    /// Counts the changes of the state; 0 from a client means "the latest" (§8.2.2).
    @usableFromInline package var seqid: UInt32
    @usableFromInline package var other: Other

    @inlinable package init(seqid: UInt32, other: Other) {
        self.seqid = seqid
        self.other = other
    }

    /// The anonymous stateid: all zeros (§8.2.3).
    package static let anonymous = StateID(seqid: 0, other: Other(high: 0, low: 0))
    /// The READ bypass stateid: all ones (§8.2.3).
    package static let readBypass = StateID(seqid: .max, other: Other(high: .max, low: .max))
    /// The current stateid of the compound: seqid 1, the rest zeros (§8.2.3).
    package static let current = StateID(seqid: 1, other: Other(high: 0, low: 0))
    /// The invalid stateid: seqid of ones, the rest zeros (§8.2.3); also what CLOSE answers with (§18.2.4).
    package static let invalid = StateID(seqid: .max, other: Other(high: 0, low: 0))

    /// Whether `other` is all zeros or all ones: such a stateid names no state of a file (§8.2.3).
    package var isSpecial: Bool {
        other == StateID.anonymous.other || other == StateID.readBypass.other
    }

    @inlinable
    package init(from request: inout XDRReader) throws(XDRError) {
        seqid = try request.uint32()
        other = Other(high: try request.uint64(), low: try request.uint32())
    }

    @inlinable
    package func encode(to reply: inout XDRWriter) {
        reply.uint32(seqid)
        reply.uint64(other.high)
        reply.uint32(other.low)
    }
}
