import CLinux
import Glibc
import RPC

extension PeerAddress {
    init(_ address: clinux_address) {
        let bytes = withUnsafeBytes(of: address.bytes) { Array($0.prefix(Int(address.length))) }
        self.init(address: bytes, port: address.port)
    }

    var socketAddress: clinux_address {
        var result = clinux_address()
        result.length = UInt8(address.count)
        result.port = port
        withUnsafeMutableBytes(of: &result.bytes) { $0.copyBytes(from: address.prefix(16)) }
        return result
    }

    /// Reads `ADDRESS:PORT`, with an IPv6 address in brackets. Host names are not looked up.
    package init(parsing text: String) throws(TransportError) {
        let problem = TransportError("'\(text)' is not ADDRESS:PORT, such as 0.0.0.0:2049 or [::]:2049")
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { throw problem }
        let host = text[..<colon]
        let isIPv6 = host.hasPrefix("[") && host.hasSuffix("]")
        var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
        let literal = String(isIPv6 ? host.dropFirst().dropLast() : host)
        guard inet_pton(isIPv6 ? AF_INET6 : AF_INET, literal, &bytes) == 1 else { throw problem }
        self.init(address: bytes, port: port)
    }
}
