import FileSystem
import NFSProtocol
import NFSServer
import Security

/// Users and principals as the machine knows them.
struct SystemAccountService: AccountService {
    func groups(of uid: UInt32) throws(NFSStatus) -> [UInt32]? { try Account.numbered(uid)?.groups }

    func identity(of principal: String) throws(NFSStatus) -> Identity {
        let mapping = try PrincipalMapper().mapping(of: principal)
        let user = mapping.account.map { Credentials(uid: $0.uid, gid: $0.gid, groups: $0.groups) }
        guard !mapping.isMachine else { return .machine(user) }
        return user.map(Identity.user) ?? .unknown
    }
}
