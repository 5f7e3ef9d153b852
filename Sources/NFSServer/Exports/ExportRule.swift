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

    package init(
        isReadOnly: Bool = false, squash: Squash = .none, anonymous: Credentials = Credentials(uid: 65534, gid: 65534),
        security: [SecurityFlavor] = [.sys]
    ) {
        self.isReadOnly = isReadOnly
        self.squash = squash
        self.anonymous = anonymous
        self.security = security
    }

    /// Who a caller is where the rule holds.
    func credentials(for caller: Credentials, _ flavor: SecurityFlavor) -> Credentials {
        guard flavor != .none else { return anonymous }
        return switch squash {
        case .none: caller
        case .root: caller.uid == 0 ? anonymous : caller
        case .all: anonymous
        }
    }
}
