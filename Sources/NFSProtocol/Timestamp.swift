import XDR

/// nfstime4: seconds since 1970 in UTC and nanoseconds within the second (RFC 8881 §3.3.1).
@frozen @usableFromInline package struct Timestamp: Hashable, Sendable {
    @usableFromInline package var seconds: Int64
    /// 0 to 999,999,999.
    @usableFromInline package var nanoseconds: UInt32

    @inlinable package init(seconds: Int64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    @inlinable package init(from request: inout XDRReader) throws(XDRError) {
        seconds = try request.int64()
        nanoseconds = try request.uint32()
    }

    @inlinable package func encode(to reply: inout XDRWriter) {
        reply.int64(seconds)
        reply.uint32(nanoseconds)
    }
}
