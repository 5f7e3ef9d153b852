import FileSystem
import NFSServer

extension ServerConfiguration {
    /// What holds for a client at an address on an export, for people to read.
    /// - Parameter question: `ADDRESS:PSEUDO`, an IPv6 address in brackets; a path inside an export is answered for the export.
    package func explanation(of question: String) throws(ConfigurationError) -> String {
        let given = GivenValue(text: question, origin: "--explain")
        let complaint = "must be a numeric address and a pseudo path such as 10.1.2.3:/vol or [fd00::1]:/vol"
        guard let slash = question.firstIndex(of: "/"), question[..<slash].last == ":" else { throw given.mistake(complaint) }
        let host = question[..<slash].dropLast()
        let isBracketed = host.first == "[" && host.last == "]"
        guard let client = IPAddress(String(isBracketed ? host.dropFirst().dropLast() : host)), isBracketed == host.contains(":") else {
            throw given.mistake(complaint)
        }
        let path = try GivenValue(text: String(question[slash...]), origin: "--explain").absolutePath()
        guard let export = exports.first(where: { $0.holds(path) }) else {
            throw ConfigurationError(
                "--explain: \(path) is no export: exported are \(exports.map(\.pseudoPath).joined(separator: ", "))")
        }
        guard let allowed = export.allowedNetwork(of: client) else {
            let networks = export.allowedNetworks.map(\.network.description).joined(separator: ", ")
            let reason =
                export.deniedNetwork(of: client).map { "network: \($0), of denied-networks" }
                ?? "no entry of allowed-networks holds it: \(networks)"
            return """
                \(client) on \(export.pseudoPath) (\(export.path)): NOT ADMITTED
                  \(reason)
                """
        }
        let rule = allowed.rule
        return """
            \(client) on \(export.pseudoPath) (\(export.path)): admitted
              network: \(allowed.network)\(export.allowedNetworks.map(\.network) == Network.everyone ? " (everyone)" : "")
              access: \(rule.isReadOnly ? "read-only" : "read and write")
              squash: \(rule.squash.rawValue)\(rule.squash.meaning)
              anonymous: uid \(rule.anonymous.uid), gid \(rule.anonymous.gid)
              security: \(rule.security.map(\.rawValue).joined(separator: ", "))
              unknown principals: \(rule.unknownPrincipals == .anonymous ? "anonymous" : "refused")
              machine principals: \(rule.machinesAreRoot ? "root, subject to squash" : "anonymous, or the user krb5.conf maps them to")
            """
    }
}

extension ExportConfiguration {
    /// Whether a pseudo path leads to this export or into it.
    fileprivate func holds(_ path: String) -> Bool { path.split(separator: "/").starts(with: pseudoPath.split(separator: "/")) }
}

extension Squash {
    fileprivate var meaning: String {
        switch self {
        case .none: ""
        case .root: " (root becomes anonymous)"
        case .all: " (everybody becomes anonymous)"
        }
    }
}
