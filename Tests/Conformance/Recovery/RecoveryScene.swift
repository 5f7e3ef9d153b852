import NFSTestClient
import Testing

/// Clients of a server that is killed and started again, each with two files of its own open.
struct RecoveryScene {
    let server: ServerUnderTest
    private(set) var clients: [String: ReclaimingClient] = [:]
    private var files: [String: [FileHandle]] = [:]

    /// - Parameter arguments: of the first instance.
    init(_ names: [String], arguments: [String] = []) async throws {
        server = try await ServerUnderTest.start(ServerUnderTest.Settings(lease: 60, grace: 60, extraArguments: arguments))
        for name in names { try await join(name) }
    }

    /// A new client opens its files.
    mutating func join(_ name: String) async throws {
        clients[name] = try await ReclaimingClient(server)
        try await open(name)
    }

    /// A client whose files are there opens them.
    mutating func open(_ name: String) async throws {
        let session = try #require(clients[name]).session
        let directory = try await server.newDirectory(session)
        files[name] = []
        for number in 0..<2 { files[name]?.append(try await session.open(directory, "\(name) \(number)").handle) }
    }

    /// A client comes back to a new instance and reclaims its first file, or all.
    mutating func reclaim(_ name: String, all: Bool = true) async throws -> Status {
        try await clients[name]?.returns()
        let client = try #require(clients[name])
        var status = Status.ok
        for file in files[name]?.prefix(all ? 2 : 1) ?? [] { status = try await client.reclaim(file).status }
        return status
    }

    func file(of name: String) throws -> FileHandle { try #require(files[name]?.first) }

    func completeReclaim(_ name: String) async throws { try await clients[name]?.completeReclaim() }

    /// Nobody is waited for any more.
    func endGrace() async throws {
        _ = try await server.command(["end-grace", "--admin-socket", "\(server.directory)/admin"])
    }

    /// A client leaves for good.
    func leave(_ name: String) async throws {
        let session = try #require(clients[name]).session
        for file in files[name] ?? [] { try await session.run(.putFH(file), .close(try await opened(file, session))) }
        try await end(session)
    }

    /// A client comes back to a new instance and leaves for good instead of reclaiming.
    mutating func giveUp(_ name: String) async throws {
        try await clients[name]?.returns()
        try await end(#require(clients[name]).session)
    }

    private func end(_ session: TestSession) async throws {
        try await session.connection.compound(.destroySession(session.id)).succeeded()
        try await session.connection.compound(.destroyClientID(session.clientID)).succeeded()
    }

    private func opened(_ file: FileHandle, _ session: TestSession) async throws -> StateID {
        try await session.run(.putFH(file), .open(.fileHandle)).open.stateID
    }

    func closeFiles(_ name: String) async throws {
        let session = try #require(clients[name]).session
        for file in files[name] ?? [] { try await session.run(.putFH(file), .close(try await opened(file, session))) }
    }

    /// Who may reclaim from the instance that runs. It has to be a fresh one.
    mutating func readmitted() async throws -> Set<String> {
        var readmitted: Set<String> = []
        for name in clients.keys.sorted() {
            let status = try await reclaim(name)
            #expect(status == .ok || status == .noGrace, "\(name)")
            if status == .ok { readmitted.insert(name) }
        }
        return readmitted
    }
}
