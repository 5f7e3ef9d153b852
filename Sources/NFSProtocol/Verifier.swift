import XDR

/// verifier4: eight opaque bytes that change when what they stand for does (RFC 8881 §3.1).
@frozen @usableFromInline package struct Verifier: RawRepresentable, Hashable, Sendable {
    @usableFromInline package var rawValue: UInt64

    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }

    @inlinable package init(from request: inout XDRReader) throws(XDRError) { rawValue = try request.uint64() }

    @inlinable package func encode(to reply: inout XDRWriter) { reply.uint64(rawValue) }
}
