/// clientid4: the server's short name for a client (RFC 8881 §2.4).
@frozen @usableFromInline package struct ClientID: RawRepresentable, Hashable, Sendable {
    @usableFromInline package var rawValue: UInt64

    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }
}
