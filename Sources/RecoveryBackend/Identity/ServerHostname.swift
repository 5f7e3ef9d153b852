/// The name under which a server's record is kept, equal for every instance of the server on whichever machine it runs.
package struct ServerHostname: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// In bytes: the longest name of the domain name system (RFC 1035 section 2.3.4).
    package static let maximumLength = 255

    package let rawValue: String

    /// Nil unless the name has 1 to 255 printable bytes, none of which is a space or a slash.
    package init?(rawValue: String) {
        guard rawValue.isKey(of: 1...Self.maximumLength, allowing: { $0.isPrintable && $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "/") })
        else { return nil }
        self.rawValue = rawValue
    }

    package var description: String { rawValue }
}
