import Glibc

/// A local address and TCP port the server accepts connections on.
package struct ListenAddress: Hashable, Sendable {
    /// The local address; all zero for every interface.
    package let address: IPAddress
    /// The TCP port, 0...65535; 0 lets the kernel choose one.
    package let port: UInt16

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

extension ListenAddress {
    /// Reads `ADDRESS:PORT`, an IPv6 address in brackets.
    package init(_ given: GivenValue) throws(ConfigurationError) {
        let text = given.text
        guard let colon = text.lastIndex(of: ":"),
            let port = GivenValue.decimal(text[text.index(after: colon)...]).flatMap(UInt16.init(exactly:)),
            let address = Self.address(bracketed: text[..<colon])
        else {
            throw given.mistake("must be a numeric address and a port such as 0.0.0.0:2049 or [::]:2049")
        }
        self.init(address: address, port: port)
    }

    private static func address(bracketed text: Substring) -> IPAddress? {
        if text.hasPrefix("["), text.hasSuffix("]") {
            return IPAddress(String(text.dropFirst().dropLast()))
        }
        return text.contains(":") ? nil : IPAddress(String(text))
    }
}

extension ListenAddress: CustomStringConvertible {
    package var description: String {
        address.family == AF_INET ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
}
