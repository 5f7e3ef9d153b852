import FileSystem
import NFSProtocol

/// The users of the machine, as the system and its directory services know them. Calls may wait.
package protocol AccountService: Sendable {
    /// Every group a user is in; nil when there is no such user.
    /// - Throws: `delay` when it cannot be told now.
    func groups(of uid: UInt32) throws(NFSStatus) -> [UInt32]?

    /// Who a Kerberos principal is here.
    /// - Throws: `delay` when it cannot be told now.
    func identity(of principal: String) throws(NFSStatus) -> Identity
}

/// Who makes a request, before an export says what that means on it (`ExportRule.credentials`).
package enum Identity: Hashable, Sendable {
    /// Nobody in particular: AUTH_NONE.
    case nobody
    case user(Credentials)
    /// A machine of the realm that has proved to be one, and the user it is mapped to, if any.
    case machine(Credentials?)
    /// A principal that is proved, and nobody here.
    case unknown
}

/// Who makes requests, where the machine has to be asked for it.
package final class Identities: Sendable {
    private enum Question: Hashable {
        case groups(UInt32)
        case principal(String)
    }

    private enum Answer {
        case groups([UInt32]?)
        case identity(Identity)
    }

    /// Whether the groups of AUTH_SYS callers are the machine's and not those they name, of which there are at most 16.
    let managesGroups: Bool
    private let service: any AccountService
    private let cache: AnswerCache<Question, Answer>

    package init(managesGroups: Bool, service: any AccountService, clock: ServerClock = .monotonic) {
        self.managesGroups = managesGroups
        self.service = service
        cache = AnswerCache(clock: clock)
    }

    /// `caller` in the groups the machine has its user in; as it is when the machine does not know the user.
    /// - Throws: `wouldBlock`, `delay`.
    package func withGroups(_ caller: Credentials, mayBlock: Bool) throws(NFSStatus) -> Credentials {
        let answer = try cache.answer(.groups(caller.uid), mayBlock: mayBlock) { () throws(NFSStatus) in
            .groups(try service.groups(of: caller.uid))
        }
        guard case .groups(let groups?) = answer else { return caller }
        return Credentials(uid: caller.uid, gid: caller.gid, groups: groups)
    }

    /// Who a Kerberos principal is.
    /// - Throws: `wouldBlock`, `delay`.
    package func identity(of principal: String, mayBlock: Bool) throws(NFSStatus) -> Identity {
        let answer = try cache.answer(.principal(principal), mayBlock: mayBlock) { () throws(NFSStatus) in
            .identity(try service.identity(of: principal))
        }
        guard case .identity(let identity) = answer else { return .unknown }
        return identity
    }
}
