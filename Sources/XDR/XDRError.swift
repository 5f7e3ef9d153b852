/// Why bytes from the wire are not the XDR value they should be (RFC 4506).
@frozen @usableFromInline package enum XDRError: Error, Equatable, Sendable {
    /// The input ends before the value does.
    case truncated
    /// A variable-length value is longer than its declared maximum.
    case tooLong
    /// The bytes stand for no value of the type: a boolean that is neither 0 nor 1, an unknown discriminant.
    case invalid
}
