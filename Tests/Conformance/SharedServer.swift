import Glibc
import NFSTestClient
import NFSTestServer
import Testing

/// The server that tests share, as REMUDA_TEST_SERVER says: `host:port:/export` for one that runs, `in-process` for an engine
/// in this process, and without it an nfs-server started for this run.
func sharedServer() async throws -> any TestServer { try await SharedServer.start.value }

/// The same for tests marked `overSocket`.
func sharedSocketServer() async throws -> any SocketServer { try #require(try await sharedServer() as? any SocketServer) }

private enum SharedServer {
    static let choice = getenv("REMUDA_TEST_SERVER").map { String(cString: $0) }
    static let isInProcess = choice == "in-process"

    static let start = Task<any TestServer, any Error> {
        guard let choice else { return try await ServerUnderTest.start() }
        return isInProcess ? try await InProcessServer.start() : try RemoteServer(choice)
    }
}

extension Trait where Self == ConditionTrait {
    /// For tests of what only a socket can carry.
    static var overSocket: Self {
        .disabled(if: SharedServer.isInProcess, "sends its own bytes: runs without REMUDA_TEST_SERVER=in-process")
    }

    /// For tests of files that memory does not hold.
    static var onDisk: Self {
        .disabled(if: SharedServer.isInProcess, "makes a file larger than memory: runs without REMUDA_TEST_SERVER=in-process")
    }

    /// For tests of access control lists.
    static var withACLs: Self {
        .disabled(if: SharedServer.isInProcess, "memory keeps no access control lists: runs without REMUDA_TEST_SERVER=in-process")
    }

    /// For tests that start, kill or watch a server, which is the same one whatever the others share.
    static var ownProcess: Self {
        .disabled(if: SharedServer.isInProcess, "starts an nfs-server of its own: runs without REMUDA_TEST_SERVER=in-process")
    }
}

/// A new client of the shared server and a new directory, which anybody may use and no other test knows.
func newDirectory() async throws -> (session: TestSession, directory: FileHandle) {
    try await sharedServer().sessionInNewDirectory()
}

/// A new client of the shared server.
func newSession(fore: ChannelAttributes = ChannelAttributes(), reclaimComplete: Bool = true) async throws -> TestSession {
    try await sharedServer().session(fore: fore, reclaimComplete: reclaimComplete)
}

/// A new client of the shared server with a back channel.
/// - Parameter security: what the server may call with.
func newSession(
    calledBy service: CallbackService, _ security: [Operation.CallbackSecurity] = [.none], back: ChannelAttributes = ChannelAttributes()
) async throws -> TestSession {
    let connection = Connection(try await sharedServer().connect(answering: service))
    let owner = ClientOwner.unique()
    let client = try await connection.compound(.exchangeID(owner)).succeeded().exchangeID
    return try await TestSession.establish(over: connection, owner: owner, client: client, back: back, callbackSecurity: security)
}

/// A connection to the shared server without any client on it.
func newConnection(_ credential: Credential = .root) async throws -> Connection {
    Connection(try await sharedServer().connect(), credential: credential)
}

extension Credential {
    /// An ordinary user.
    static let user = Credential.sys(uid: 1000, gid: 1000)
    /// Another ordinary user, in no group of the first.
    static let otherUser = Credential.sys(uid: 1001, gid: 1001)
}
