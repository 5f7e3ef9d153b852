import FileSystem
import NFSProtocol
import RPC

/// A file system in the server's name space and the rules that hold on it.
package final class Export: Sendable {
    /// Where clients find it, such as `/vol`.
    package let pseudoPath: String
    let fileSystem: any FileSystem
    let rules: Rules

    /// In front of every filehandle: equal as long as the file system and its place in the name space are.
    let id: UInt64
    /// The fsid attribute (RFC 8881 §5.8.1.9).
    let fsid: (major: UInt64, minor: UInt64)
    /// The directory of the pseudo file system that this export covers; nil for the pseudo file system itself.
    let junction: PseudoNode?

    /// What clients may do on an export, and as whom.
    package struct Rules: Sendable {
        package var isReadOnly: Bool
        package var squash: Squash
        /// Who squashed callers become.
        package var anonymous: Credentials
        /// Whether a client at an address may come in at all.
        package var admits: @Sendable (PeerAddress) -> Bool

        package init(
            isReadOnly: Bool = false, squash: Squash = .none, anonymous: Credentials = Credentials(uid: 65534, gid: 65534),
            admits: @escaping @Sendable (PeerAddress) -> Bool = { _ in true }
        ) {
            self.isReadOnly = isReadOnly
            self.squash = squash
            self.anonymous = anonymous
            self.admits = admits
        }
    }

    init(_ fileSystem: any FileSystem, at pseudoPath: String, rules: Rules, junction: PseudoNode?) {
        self.fileSystem = fileSystem
        self.pseudoPath = pseudoPath
        self.rules = rules
        self.junction = junction
        let identity = fileSystem.identity
        let folded = identity.high ^ identity.low
        id = junction == nil ? 0 : StableHash.of(Array(pseudoPath.utf8), seed: folded)
        fsid = junction == nil ? (0, 0) : (id, folded)
    }

    var isPseudo: Bool { junction == nil }

    /// Who the caller is on this export.
    func credentials(for caller: Credentials) -> Credentials {
        switch rules.squash {
        case .none: caller
        case .root: caller.uid == 0 ? rules.anonymous : caller
        case .all: rules.anonymous
        }
    }

    /// The mounted_on_fileid of this export's root: the number of the directory it covers (RFC 8881 §5.8.2.19).
    func fileIDMountedOn(for node: any Node) -> UInt64? {
        guard let junction, node === fileSystem.root else { return nil }
        return junction.fileID
    }
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
}
