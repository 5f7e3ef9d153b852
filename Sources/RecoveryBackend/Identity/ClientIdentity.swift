/// A client as recovery records name it, for example `31:Linux NFSv4.1 rancher50-worker1`: the length in bytes of what
/// follows the colon, the colon, and the client's co_ownerid (RFC 8881 section 2.4).
///
/// An owner that has a byte which is not printable, or a slash, is written as `0x` and hexadecimal digits. So is a
/// printable owner that would otherwise read as the hexadecimal form of another owner.
package struct ClientIdentity: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// In bytes: NFS4_OPAQUE_LIMIT (RFC 8881 section 3.1).
    package static let maximumOwnerLength = 1024
    /// In bytes: the longest owner in hexadecimal form and its prefix.
    package static let maximumLength = "2050:0x".utf8.count + 2 * maximumOwnerLength

    /// What the owner begins with of the entry by which this project's server says whose a record is. It is no client.
    package static let markerPrefix = "remuda-journal "

    package let rawValue: String

    /// The identity as it stands in a record. Nil unless the text has 1 to ``maximumLength`` printable bytes without a
    /// slash. Other servers may have written it, so that it need not have an ``owner``.
    package init?(rawValue: String) {
        guard rawValue.isKey(of: 1...Self.maximumLength, allowing: { $0.isPrintable && $0 != UInt8(ascii: "/") }) else { return nil }
        self.rawValue = rawValue
    }

    /// The identity of the client with this co_ownerid. Nil when the owner is longer than ``maximumOwnerLength``.
    package init?(owner: some Collection<UInt8>) {
        guard owner.count <= Self.maximumOwnerLength else { return nil }
        let text = Self.needsHexadecimal(owner) ? Self.hexadecimal(owner) : String(decoding: owner, as: UTF8.self)
        rawValue = "\(text.utf8.count):\(text)"
    }

    /// The co_ownerid, nil when the text has not the form `<length>:<owner>`.
    package var owner: [UInt8]? {
        guard let colon = rawValue.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let prefix = rawValue[..<colon]
        let text = Array(rawValue[colon...].utf8.dropFirst())
        // Int would accept a sign and leading zeros, which would give one owner several names.
        guard let length = Int(prefix), String(length) == prefix else { return nil }
        if let owner = Self.bytes(hexadecimal: text[...]), Self.needsHexadecimal(owner) {
            // The contract's words also allow the length of the owner itself here.
            guard length == text.count || length == owner.count else { return nil }
            return owner.count <= Self.maximumOwnerLength ? owner : nil
        }
        return length == text.count && length <= Self.maximumOwnerLength ? text : nil
    }

    /// Whether it is no client but says whose the record is.
    package var isMarker: Bool {
        guard let colon = rawValue.firstIndex(of: ":") else { return false }
        return rawValue[colon...].dropFirst().hasPrefix(Self.markerPrefix)
    }

    package var description: String { rawValue }

    private static func needsHexadecimal(_ owner: some Collection<UInt8>) -> Bool {
        guard owner.allSatisfy({ $0.isPrintable && $0 != UInt8(ascii: "/") }) else { return true }
        // Each step halves the length: at most ten of them.
        guard let meant = bytes(hexadecimal: ArraySlice(owner)) else { return false }
        return needsHexadecimal(meant)
    }

    private static func hexadecimal(_ owner: some Collection<UInt8>) -> String {
        owner.reduce(into: "0x") { text, byte in
            text += byte < 0x10 ? "0" : ""
            text += String(byte, radix: 16)
        }
    }

    private static func bytes(hexadecimal text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.starts(with: "0x".utf8), text.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2 - 1)
        var digits = text.dropFirst(2).makeIterator()
        while let high = digits.next(), let low = digits.next() {
            guard let high = nibble(high), let low = nibble(low) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// Lower case only: the form servers write, so that each owner has one name.
    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
