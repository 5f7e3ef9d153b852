import NIOCore

/// Where a server listens: `ADDRESS:PORT`, with an IPv6 address in brackets.
package struct ServiceAddress: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// An address or a name, without brackets.
    package let host: String
    package let port: Int

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = Int(port)
    }

    /// Nil unless the text has the form `ADDRESS:PORT` or `[ADDRESS]:PORT`, with a port from 0 to 65535.
    package init?(rawValue: String) {
        guard let colon = rawValue.lastIndex(of: ":"), let port = UInt16(rawValue[colon...].dropFirst()) else { return nil }
        var host = rawValue[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }

    /// Nil for an address that is not one of the Internet's.
    package init?(_ address: SocketAddress) {
        guard let host = address.ipAddress, let port = address.port.flatMap(UInt16.init(exactly:)) else { return nil }
        self.init(host: host, port: port)
    }

    package var rawValue: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    package var description: String { rawValue }
}
