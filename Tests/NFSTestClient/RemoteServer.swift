/// A server somebody else runs, named `host:port:/path/of/export`.
package struct RemoteServer: SocketServer {
    package let host: String
    package let port: UInt16
    package let exportPath: [String]

    package init(host: String, port: UInt16, exportPath: [String]) {
        self.host = host
        self.port = port
        self.exportPath = exportPath
    }

    package init(_ address: String) throws {
        let colon = address.firstRange(of: ":/")
        guard let colon, let (host, port) = Self.hostAndPort(address[..<colon.lowerBound]) else {
            throw ConnectionError.unknownAddress("\(address), want host:port:/path")
        }
        self.init(host: host, port: port, exportPath: address[colon.upperBound...].split(separator: "/").map(String.init))
    }

    /// Splits `127.0.0.1:2049` or `[::1]:2049`.
    static func hostAndPort(_ text: Substring) -> (String, UInt16)? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        return (String(text[..<colon].filter { $0 != "[" && $0 != "]" }), port)
    }

    package func socket(timeout: Int) throws -> SocketExchange { try SocketExchange(host: host, port: port, timeout: timeout) }
}
