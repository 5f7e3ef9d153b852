import Foundation

/// The filehandle of a revoked delegation as records keep it: base64url (RFC 4648 section 5).
package struct RevokedFileHandle: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// In bytes: NFS4_FHSIZE (RFC 8881 section 3.1).
    package static let maximumHandleLength = 128
    /// In bytes: the longest filehandle in base64url with padding.
    package static let maximumLength = (maximumHandleLength + 2) / 3 * 4

    package let rawValue: String

    /// Nil unless the text has 1 to ``maximumLength`` characters of the base64url alphabet; padding is allowed.
    package init?(rawValue: String) {
        guard rawValue.isKey(of: 1...Self.maximumLength, allowing: Self.isBase64URL) else { return nil }
        self.rawValue = rawValue
    }

    /// Nil unless the filehandle has 1 to ``maximumHandleLength`` bytes.
    package init?(handle: some Collection<UInt8>) {
        guard handle.count <= Self.maximumHandleLength else { return nil }
        let text = Data(handle).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
        self.init(rawValue: text)
    }

    package var description: String { rawValue }

    private static func isBase64URL(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "="):
            true
        default:
            false
        }
    }
}
