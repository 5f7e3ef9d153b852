import FileSystem
import RPC

/// What clients of one network may do on an export, and as whom.
package struct ExportRule: Sendable, Hashable {
    package var isReadOnly: Bool
    package var squash: Squash
    /// Who squashed callers and those without an identity become.
    package var anonymous: Credentials
    /// The flavors that are accepted, best first; never empty.
    package var security: [SecurityFlavor]
    /// What becomes of Kerberos principals that are nobody here.
    package var unknownPrincipals: UnknownPrincipals
    /// Whether machines of the realm (`host/NAME` and the like) are the superuser, as far as `squash` lets anybody be.
    package var machinesAreRoot: Bool

    package init(
        isReadOnly: Bool = false, squash: Squash = .none, anonymous: Credentials = Credentials(uid: 65534, gid: 65534),
        security: [SecurityFlavor] = [.sys], unknownPrincipals: UnknownPrincipals = .anonymous, machinesAreRoot: Bool = false
    ) {
        self.isReadOnly = isReadOnly
        self.squash = squash
        self.anonymous = anonymous
        self.security = security
        self.unknownPrincipals = unknownPrincipals
        self.machinesAreRoot = machinesAreRoot
    }

    package enum UnknownPrincipals: String, CaseIterable, Sendable {
        /// They act as the anonymous user.
        case anonymous
        /// They may do nothing.
        case refuse
    }

    /// Who whoever asks is where the rule holds.
    package func credentials(for identity: Identity) -> Credentials {
        switch identity {
        case .nobody, .unknown: anonymous
        case .user(let user): squashed(user)
        case .machine(let user): machinesAreRoot ? squashed(.superuser) : user.map(squashed) ?? anonymous
        }
    }

    private func squashed(_ user: Credentials) -> Credentials {
        switch squash {
        case .none: user
        case .root: user.uid == 0 ? anonymous : user
        case .all: anonymous
        }
    }
}
