import FileSystem
import NFSProtocol
import RPC

/// A file system in the server's name space and the rules that hold on it.
package final class Export: Sendable {
    /// Where clients find it, such as `/vol`.
    package let pseudoPath: String
    let fileSystem: any FileSystem
    private let root: any Node
    let rules: Rules

    /// The place in its name space, 0 for the pseudo file system.
    let number: Int
    /// In front of every filehandle: equal as long as the file system and its place in the name space are.
    let id: UInt64
    /// The directory of the pseudo file system that this export covers; nil for the pseudo file system itself.
    let junction: PseudoNode?
    /// Whether nobody gets in for now (NFS4ERR_DELAY).
    let isHeld: Bool

    /// What holds on an export.
    package struct Rules: Sendable {
        /// Whether names and the contents of symbolic links must be UTF-8 (RFC 8881 §14.4); else they are bytes.
        package var takesUTF8Only: Bool
        /// The rule for a client at an address; nil when it may not come in at all.
        package var rule: @Sendable (PeerAddress) -> ExportRule?

        package init(takesUTF8Only: Bool = false, rule: @escaping @Sendable (PeerAddress) -> ExportRule? = { _ in ExportRule() }) {
            self.takesUTF8Only = takesUTF8Only
            self.rule = rule
        }

        /// The same rule for everybody.
        package init(_ rule: ExportRule) {
            self.init(rule: { _ in rule })
        }
    }

    init(_ fileSystem: any FileSystem, at pseudoPath: String, number: Int, rules: Rules, junction: PseudoNode?, isHeld: Bool) {
        self.number = number
        self.fileSystem = fileSystem
        root = fileSystem.root
        self.pseudoPath = pseudoPath
        self.rules = rules
        self.junction = junction
        self.isHeld = isHeld
        id = junction == nil ? 0 : StableHash.sealed(StableHash.of(Array(pseudoPath.utf8), seed: fileSystem.identity.folded))
        ownFSID = junction == nil ? (0, 0) : Self.fsid(of: fileSystem.identity, at: pseudoPath)
    }

    var isPseudo: Bool { junction == nil }

    /// The fsid attribute of a file (RFC 8881 §5.8.1.9).
    func fsid(of node: any Node) -> (major: UInt64, minor: UInt64) {
        let identity = node.fileSystemIdentity
        return identity == fileSystem.identity ? ownFSID : Self.fsid(of: identity, at: pseudoPath)
    }

    private let ownFSID: (major: UInt64, minor: UInt64)

    private static func fsid(of identity: FileSystemIdentity, at pseudoPath: String) -> (major: UInt64, minor: UInt64) {
        (StableHash.of(Array(pseudoPath.utf8), seed: identity.folded), identity.folded)
    }

    /// The mounted_on_fileid of a root, of this export or of what is mounted inside: the number of the directory it covers
    /// (RFC 8881 §5.8.2.23); nil for any other file.
    func fileIDMountedOn(for node: any Node) -> UInt64? {
        guard let junction, node === root else { return node.coveredFileID }
        return junction.fileID
    }
}

extension FileSystemIdentity {
    /// Both words in one.
    var folded: UInt64 { high ^ low }
}

/// A hash that is the same in every process, unlike `Hasher`: it names exports in filehandles that outlive the server.
enum StableHash {
    /// FNV-1a over 64 bits, never 0.
    static func of(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for shift in stride(from: 0, to: 64, by: 8) { hash = (hash ^ (seed >> UInt64(shift) & 0xff)) &* 0x100_0000_01b3 }
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash == 0 ? 1 : hash
    }

    /// `hash` with a checksum of the rest in its low 16 bits; never 0. It tells what was made by a server like this one, if
    /// with other exports, from what never was.
    static func sealed(_ hash: UInt64) -> UInt64 {
        let rest = hash >> 16
        return rest << 16 | (rest &* 0x9e37_79b9_7f4a_7c15) >> 48 ^ 0x5a5a
    }

    static func isSealed(_ hash: UInt64) -> Bool { hash == sealed(hash) }
}
