import XDR

/// sessionid4: 16 bytes that name a session (RFC 8881 §2.10.1).
@frozen @usableFromInline package struct SessionID: Hashable, Sendable {
    @usableFromInline package var high: UInt64
    @usableFromInline package var low: UInt64

    @inlinable package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    @inlinable
    package init(from request: inout XDRReader) throws(XDRError) {
        high = try request.uint64()
        low = try request.uint64()
    }

    @inlinable
    package func encode(to reply: inout XDRWriter) {
        reply.uint64(high)
        reply.uint64(low)
    }
}
