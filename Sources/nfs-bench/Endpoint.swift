import ArgumentParser

/// An export of a server: HOST:PORT:/PATH.
struct Endpoint: ExpressibleByArgument, Sendable {
    let host: String
    let port: UInt16
    /// Components of the path from the server's root.
    let path: [String]

    init?(argument: String) {
        guard let slash = argument.firstRange(of: ":/"),
            let colon = argument[..<slash.lowerBound].lastIndex(of: ":"),
            let port = UInt16(argument[argument.index(after: colon)..<slash.lowerBound])
        else { return nil }
        host = argument[..<colon].trimmingPrefix("[").split(separator: "]").joined()
        self.port = port
        path = argument[slash.upperBound...].split(separator: "/").map(String.init)
    }
}
