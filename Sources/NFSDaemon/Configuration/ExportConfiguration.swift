import NFSServer

/// A directory that is exported, and to whom and how.
package struct ExportConfiguration: Sendable, Hashable {
    /// The absolute path of the directory.
    package internal(set) var path: String
    /// The absolute path clients mount it by, `/` for the root itself.
    package internal(set) var pseudoPath: String
    package internal(set) var isReadOnly = false
    /// Whose identity is replaced by the anonymous one.
    package internal(set) var squash = Squash.none
    /// The user a squashed caller, and one without an identity (AUTH_NONE), acts as.
    package internal(set) var anonymousUID: UInt32 = 65534
    /// The group a squashed caller, and one without an identity (AUTH_NONE), acts as.
    package internal(set) var anonymousGID: UInt32 = 65534
    /// The networks of the clients that may use the export; never empty.
    package internal(set) var allowedNetworks = Network.everyone
    /// Whether a change of a directory or of attributes is on stable storage before it is acknowledged.
    package internal(set) var isSynchronous = true
    /// Whether what is mounted on directories inside is exported with it.
    package internal(set) var crossesMounts = false
    /// Whether names and the contents of symbolic links must be UTF-8.
    package internal(set) var takesUTF8Only = false
    /// Whether the directory may be exported although nothing is mounted on it.
    package internal(set) var allowsUnmounted = false

    /// Whether a client with this address may use the export.
    package func allows(_ client: IPAddress) -> Bool {
        allowedNetworks.contains { $0.contains(client) }
    }
}

extension ExportConfiguration {
    /// An export of `path`; the pseudo path is `/` and the last name of the path unless it is given.
    init(path givenPath: GivenValue, pseudoPath givenPseudoPath: GivenValue?) throws(ConfigurationError) {
        path = try givenPath.absolutePath()
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

    /// Whether one of the two pseudo paths is the other or lies inside it, so that a path would name two things.
    func collides(with other: ExportConfiguration) -> Bool {
        let (own, others) = (pseudoPath.split(separator: "/"), other.pseudoPath.split(separator: "/"))
        return own.starts(with: others) || others.starts(with: own)
    }
}
