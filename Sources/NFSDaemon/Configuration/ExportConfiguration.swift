import NFSServer
import RPC

/// A directory that is exported, and to whom and how.
package struct ExportConfiguration: Sendable, Hashable {
    /// The absolute path of the directory.
    package internal(set) var path: String
    /// The absolute path clients mount it by, `/` for the root itself.
    package internal(set) var pseudoPath: String
    /// What holds for clients unless their network says otherwise.
    package internal(set) var rule: ExportRule
    /// Who may use the export; never empty, no network twice.
    package internal(set) var allowedNetworks: [AllowedNetwork]
    /// Who may not, where a network that is allowed holds more than it should.
    package internal(set) var deniedNetworks: [Network] = []
    /// Whether a change of a directory or of attributes is on stable storage before it is acknowledged.
    package internal(set) var isSynchronous = true
    /// Whether what is mounted on directories inside is exported with it.
    package internal(set) var crossesMounts = false
    /// Whether names and the contents of symbolic links must be UTF-8.
    package internal(set) var takesUTF8Only = false
    /// Whether the directory may be exported although nothing is mounted on it.
    package internal(set) var allowsUnmounted = false

    /// What holds for a client with this address: of the networks it is in, the longest prefix counts.
    /// - Returns: nil when it may not use the export.
    package func allowedNetwork(of client: IPAddress) -> AllowedNetwork? {
        let allowed = allowedNetworks.filter { $0.network.contains(client) }.max { $0.network.prefixLength < $1.network.prefixLength }
        guard let allowed, let denied = deniedNetwork(of: client) else { return allowed }
        return denied.prefixLength < allowed.network.prefixLength ? allowed : nil
    }

    /// The smallest of the denied networks that hold the address.
    package func deniedNetwork(of client: IPAddress) -> Network? {
        deniedNetworks.filter { $0.contains(client) }.max { $0.prefixLength < $1.prefixLength }
    }
}

/// A network whose clients may use an export.
package struct AllowedNetwork: Sendable, Hashable {
    package let network: Network
    /// What holds for them, complete.
    package internal(set) var rule: ExportRule
}

extension ServerConfiguration {
    /// Squashes callers as `squash` says, if it does, and lets nobody but clients in `networks` use the exports, if there are any.
    package mutating func restrict(squash: Squash?, networks: [Network]) {
        for index in exports.indices {
            var rule = exports[index].rule
            rule.squash = squash ?? rule.squash
            exports[index].rule = rule
            let networks = networks.isEmpty ? exports[index].allowedNetworks.map(\.network) : networks
            exports[index].allowedNetworks = networks.map { AllowedNetwork(network: $0, rule: rule) }
        }
    }
}

extension ExportConfiguration {
    /// An export of `path` to everyone, with no flavor yet; the pseudo path is `/` and the last name of the path unless it is given.
    init(path givenPath: GivenValue, pseudoPath givenPseudoPath: GivenValue?) throws(ConfigurationError) {
        path = try givenPath.absolutePath()
        rule = ExportRule(security: [])
        allowedNetworks = Network.everyone.map { [rule] in AllowedNetwork(network: $0, rule: rule) }
        if let givenPseudoPath {
            pseudoPath = try givenPseudoPath.absolutePath()
        } else if let name = path.split(separator: "/").last {
            pseudoPath = "/\(name)"
        } else {
            throw givenPath.mistake("needs a pseudo path to mount it by, such as /:/root, when the directory has no name")
        }
    }

    /// Reads `DIR[:PSEUDO]`. The last colon separates, so a directory with a colon in its name needs its pseudo path too.
    package init(_ given: GivenValue) throws(ConfigurationError) {
        guard let colon = given.text.lastIndex(of: ":") else {
            try self.init(path: given, pseudoPath: nil)
            return
        }
        try self.init(
            path: GivenValue(text: String(given.text[..<colon]), origin: given.origin),
            pseudoPath: GivenValue(text: String(given.text[given.text.index(after: colon)...]), origin: "\(given.origin) pseudo path"))
    }

    /// Accepts `flavors` wherever nothing was said about them.
    mutating func setStandardSecurity(_ flavors: [SecurityFlavor]) {
        if rule.security.isEmpty { rule.security = flavors }
        for index in allowedNetworks.indices where allowedNetworks[index].rule.security.isEmpty {
            allowedNetworks[index].rule.security = rule.security
        }
    }

    /// Whether one of the two pseudo paths is the other or lies inside it, so that a path would name two things.
    func collides(with other: ExportConfiguration) -> Bool {
        let (own, others) = (pseudoPath.split(separator: "/"), other.pseudoPath.split(separator: "/"))
        return own.starts(with: others) || others.starts(with: own)
    }
}
