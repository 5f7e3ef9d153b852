/// A server that tests talk to, wherever it runs.
package protocol TestServer: Sendable {
    /// The components of the path from the root filehandle to an exported directory tests may write to.
    var exportPath: [String] { get }

    func connect() async throws -> any RPCExchange

    /// A connection over which the server can call the client.
    func connect(answering service: CallbackService) async throws -> any RPCExchange
}

/// A server at the other end of a socket.
package protocol SocketServer: TestServer {
    /// A connection of which a test can send every byte itself.
    /// - Parameter timeout: seconds one send or receive may take.
    func socket(timeout: Int) async throws -> SocketExchange
}

extension SocketServer {
    package func socket() async throws -> SocketExchange { try await socket(timeout: 30) }

    package func connect() async throws -> any RPCExchange { try await socket() }

    package func connect(answering service: CallbackService) async throws -> any RPCExchange {
        await (try await socket()).duplex(answering: service)
    }
}

extension TestServer {
    package func session(
        owner: ClientOwner = .unique(), credential: Credential = .root, fore: ChannelAttributes = ChannelAttributes(),
        reclaimComplete: Bool = true
    ) async throws -> TestSession {
        try await TestSession.establish(
            over: connect(), owner: owner, credential: credential, fore: fore, reclaimComplete: reclaimComplete)
    }

    /// A new client and a new directory, which anybody may use and no other test knows.
    package func sessionInNewDirectory() async throws -> (session: TestSession, directory: FileHandle) {
        let session = try await session()
        return (session, try await newDirectory(session))
    }

    package func newDirectory(_ session: TestSession) async throws -> FileHandle {
        let export = try await session.lookup(path: exportPath)
        return try await session.makeDirectory(export, "test-\(UInt64.random(in: 0 ... .max))")
    }
}
