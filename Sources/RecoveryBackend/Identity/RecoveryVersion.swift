/// The name of one server instance's list of clients: eight characters, each a digit or an upper-case letter.
package struct RecoveryVersion: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// How many versions that are neither active nor the newest a store keeps for a host, by name only.
    package static let maximumSuperseded = 16

    private static let length = 8
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)

    package let rawValue: String

    /// Nil unless the text has the form of a version.
    package init?(rawValue: String) {
        guard rawValue.isKey(of: Self.length...Self.length, allowing: Self.alphabet.contains) else { return nil }
        self.rawValue = rawValue
    }

    /// A fresh version for a starting server instance.
    package init(using generator: inout some RandomNumberGenerator) {
        let characters = (0..<Self.length).map { _ in Self.alphabet[Int.random(in: Self.alphabet.indices, using: &generator)] }
        rawValue = String(decoding: characters, as: UTF8.self)
    }

    package var description: String { rawValue }
}
