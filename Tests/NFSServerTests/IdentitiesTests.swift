import ConformanceRecord
import FileSystem
import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Synchronization
import Testing

@Suite("Who makes a request", .coversEveryOperation)
struct IdentitiesTests {
    private static let user = Credentials(uid: 1000, gid: 1000, groups: [7])
    private static let nobody = Credentials(uid: 65534, gid: 65534)

    @Test(
        "what an identity is on an export",
        arguments: [
            (ExportRule(), Identity.user(user), user), (ExportRule(), .nobody, nobody), (ExportRule(), .unknown, nobody),
            (ExportRule(squash: .all), .user(user), nobody), (ExportRule(squash: .root), .user(.superuser), nobody),
            (ExportRule(), .machine(nil), nobody), (ExportRule(), .machine(user), user),
            (ExportRule(squash: .all), .machine(user), nobody), (ExportRule(machinesAreRoot: true), .machine(nil), .superuser),
            (ExportRule(machinesAreRoot: true), .machine(user), .superuser), (ExportRule(machinesAreRoot: true), .unknown, nobody),
            (ExportRule(squash: .root, machinesAreRoot: true), .machine(nil), nobody),
        ])
    func credentials(rule: ExportRule, identity: Identity, credentials: Credentials) {
        #expect(rule.credentials(for: identity) == credentials)
    }

    @Test("answers are kept for five minutes, also those that there is nobody; failures are not")
    func cache() throws {
        let (accounts, time) = (Accounts(), ManualTime())
        let identities = Identities(managesGroups: true, service: accounts, clock: time.clock)
        #expect(throws: NFSStatus.wouldBlock) { try identities.identity(of: "alice", mayBlock: false) }
        accounts.state.withLock { $0.isDown = true }
        #expect(throws: NFSStatus.delay) { try identities.identity(of: "alice", mayBlock: true) }
        accounts.state.withLock { $0 = Accounts.State() }
        for seconds in [0, 299, 2] {
            time.advance(by: .seconds(seconds))
            for mayBlock in [true, false] {
                #expect(try identities.identity(of: "alice", mayBlock: mayBlock) == .user(Self.user))
                #expect(try identities.identity(of: "bob", mayBlock: mayBlock) == .unknown)
                #expect(try identities.withGroups(Self.user, mayBlock: mayBlock).groups == Accounts.groups)
                let stranger = Credentials(uid: 4, gid: 4, groups: [5])
                #expect(try identities.withGroups(stranger, mayBlock: mayBlock) == stranger)
            }
        }
        #expect(accounts.state.withLock { $0.questions } == 8)
    }

    @Test("the answers kept are bounded")
    func bound() throws {
        let accounts = Accounts()
        let identities = Identities(managesGroups: true, service: accounts)
        for number in 0..<20_000 { _ = try identities.identity(of: "nobody \(number)", mayBlock: true) }
        #expect(throws: NFSStatus.wouldBlock) { try identities.identity(of: "nobody 0", mayBlock: false) }
        #expect(try identities.identity(of: "nobody 19999", mayBlock: false) == .unknown)
    }

    // MARK: Groups of AUTH_SYS callers

    /// A server and a directory only the group 500 may use.
    private static func scene(_ accounts: Accounts, managesGroups: Bool = true) async throws -> (TestSession, NFSTestClient.FileHandle) {
        let files = try memoryFiles()
        let server = await InProcessServer.start(
            [NameSpace.Entry(pseudoPath: "/vol", fileSystem: files)],
            identities: Identities(managesGroups: managesGroups, service: accounts))
        let session = try await server.session()
        let directory = try await session.makeDirectory(session.lookup("/vol"), "of the group", mode: 0o070)
        try await session.run(.putFH(directory), .setAttr(NFSTestClient.FileAttributes([.ownerGroup: .string("500")])))
        return (session, directory)
    }

    private static func outcome(_ session: TestSession, _ directory: NFSTestClient.FileHandle, groups: [UInt32]) async throws -> Outcome? {
        let credential = Credential.sys(uid: 1000, gid: 1000, groups: groups)
        return try await session.compound([.putFH(directory), .readDir()], credential: credential).outcome
    }

    @Test("with manage-groups a caller is in the groups the machine has it in, however many, and in none it names")
    func managedGroups() async throws {
        let accounts = Accounts()
        let (session, directory) = try await Self.scene(accounts)
        #expect(try await Self.outcome(session, directory, groups: []) == Outcome(.readDir, .ok))
        accounts.state.withLock { $0.groups[1000] = [1000] }
        let (other, otherDirectory) = try await Self.scene(accounts)
        #expect(try await Self.outcome(other, otherDirectory, groups: [500]) == Outcome(.readDir, .access))
    }

    @Test("without it, and for users the machine does not know, a caller is in the groups it names")
    func ownGroups() async throws {
        let accounts = Accounts()
        accounts.state.withLock { $0.groups = [:] }
        for managesGroups in [false, true] {
            let (session, directory) = try await Self.scene(accounts, managesGroups: managesGroups)
            #expect(try await Self.outcome(session, directory, groups: [500]) == Outcome(.readDir, .ok))
            #expect(try await Self.outcome(session, directory, groups: [501]) == Outcome(.readDir, .access))
        }
    }

    @Test("while the machine cannot tell, requests on files are DELAY, and others are answered")
    func down() async throws {
        let accounts = Accounts()
        let (session, directory) = try await Self.scene(accounts)
        accounts.state.withLock { $0.isDown = true }
        #expect(try await Self.outcome(session, directory, groups: []) == Outcome(.putFH, .delay))
        #expect(try await session.compound(credential: .sys(uid: 1000, gid: 1000)).status == .ok)
        accounts.state.withLock { $0.isDown = false }
        #expect(try await Self.outcome(session, directory, groups: []) == Outcome(.readDir, .ok))
    }
}

/// A machine with the user 1000, called alice.
private final class Accounts: AccountService {
    static let groups: [UInt32] = Array(480..<520)

    struct State {
        var questions = 0
        var isDown = false
        var groups: [UInt32: [UInt32]] = [1000: Accounts.groups, 0: [0]]
    }

    let state = Mutex(State())

    private func ask() throws(NFSStatus) -> State {
        let state = state.withLock { state in
            state.questions += 1
            return state
        }
        guard !state.isDown else { throw .delay }
        return state
    }

    func groups(of uid: UInt32) throws(NFSStatus) -> [UInt32]? { try ask().groups[uid] }

    func identity(of principal: String) throws(NFSStatus) -> Identity {
        _ = try ask()
        return principal == "alice" ? .user(Credentials(uid: 1000, gid: 1000, groups: [7])) : .unknown
    }
}
