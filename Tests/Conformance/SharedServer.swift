import Glibc
import NFSTestClient

/// The server that tests share: the one REMUDA_TEST_SERVER names as `host:port:/export`, else an nfs-server started for this run.
func sharedServer() async throws -> any SocketServer { try await SharedServer.start.value }

private enum SharedServer {
    static let start = Task<any SocketServer, any Error> {
        if let address = getenv("REMUDA_TEST_SERVER") { return try RemoteServer(String(cString: address)) }
        return try await ServerUnderTest.start()
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
