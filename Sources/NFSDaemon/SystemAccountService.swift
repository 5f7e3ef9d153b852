import FileSystem
import LocalFileSystem
import NFSProtocol
import NFSServer
import RPCSecurity

/// Users and principals as the machine knows them.
struct SystemAccountService: AccountService {
    func groups(of uid: UInt32) throws(NFSStatus) -> [UInt32]? {
        // Not as the last caller of this thread: services look at who asks.
        LocalFileSystem.actAsSuperuser()
        return try Account.numbered(uid)?.groups
    }

    func identity(of principal: String) throws(NFSStatus) -> Identity {
        LocalFileSystem.actAsSuperuser()
        let mapping = try PrincipalMapper().mapping(of: principal)
        let user = mapping.account.map { Credentials(uid: $0.uid, gid: $0.gid, groups: $0.groups) }
        guard !mapping.isMachine else { return .machine(user) }
        return user.map(Identity.user) ?? .unknown
    }
}
