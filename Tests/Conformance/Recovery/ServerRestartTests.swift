import NFSTestClient
import Testing

/// A client of a server that is killed under it: it knows what it held and asks for it back.
struct ReclaimingClient {
    let server: ServerUnderTest
    let owner = ClientOwner.unique()
    var session: TestSession

    init(_ server: ServerUnderTest) async throws {
        self.server = server
        session = try await server.session(owner: owner)
    }

    /// A session with the new server instance, still without RECLAIM_COMPLETE.
    mutating func returns() async throws {
        session = try await server.session(owner: owner, reclaimComplete: false)
    }

    func reclaim(_ handle: FileHandle, access: Share = .both) async throws -> CompoundReply {
        try await session.compound(.putFH(handle), .open(.previous(0), access: access))
    }

    func completeReclaim() async throws { try await session.run(.reclaimComplete()) }

    /// An open that reclaims nothing, the way an application asks for it.
    func newOpen(_ handle: FileHandle, access: Share = .read) async throws -> CompoundReply {
        try await session.compound(.putFH(handle), .open(.fileHandle, access: access, owner: "new"))
    }
}

@Suite("A killed and restarted server (RFC 8881 §8.4.2)", .ownProcess)
struct ServerRestartTests {
    @Test("sessions and client IDs of the former instance are unknown: BADSESSION, STALE_CLIENTID")
    func formerIDs() async throws {
        let server = try await ServerUnderTest.start()
        let client = try await ReclaimingClient(server)
        try await server.restart()
        let connection = Connection(try await server.connect())
        #expect(try await connection.compound(await client.session.nextSequence()).outcome == Outcome(.sequence, .badSession))
        #expect(try await connection.compound(await client.session.lastSequence()).outcome == Outcome(.sequence, .badSession))
        let create = Operation.createSession(clientID: client.session.clientID, sequence: client.session.nextCreateSequence)
        #expect(try await connection.compound(create).outcome == Outcome(.createSession, .staleClientID))
        #expect(try await connection.compound(.destroyClientID(client.session.clientID)).status == .staleClientID)
    }

    @Test("filehandles stay good")
    func handles() async throws {
        let server = try await ServerUnderTest.start()
        let (session, directory) = try await server.sessionInNewDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        try await server.restart()
        let again = try await server.session()
        #expect(try await again.attributes(file, [.size]).size == 3)
        #expect(try await again.lookup(directory, "file") == file)
    }

    @Test("data acknowledged as stable is there: FILE_SYNC and committed")
    func stableData() async throws {
        let server = try await ServerUnderTest.start()
        let (session, directory) = try await server.sessionInNewDirectory()
        let file = try await session.open(directory, "file")
        try await session.run(
            .putFH(file.handle), .write(file.stateID, [1, 2, 3], .fileSync), .write(file.stateID, offset: 3, [4, 5]), .commit())
        try await server.restart()
        #expect(try await server.session(owner: session.owner).read(file.handle) == [1, 2, 3, 4, 5])
    }

    @Test("the write verifier is another, so that uncommitted data is sent again (§18.32.3)")
    func writeVerifier() async throws {
        let server = try await ServerUnderTest.start()
        let (session, directory) = try await server.sessionInNewDirectory()
        let file = try await session.makeFile(directory, "file")
        let before = try await session.run(.putFH(file), .commit()).commitVerifier
        try await server.restart()
        let after = try await server.session(owner: session.owner).run(.putFH(file), .commit()).commitVerifier
        #expect(before != after)
    }

    @Test("a stateid of the former instance is BAD_STATEID or STALE_STATEID")
    func formerStateID() async throws {
        let server = try await ServerUnderTest.start()
        let (session, directory) = try await server.sessionInNewDirectory()
        let file = try await session.open(directory, "file")
        try await server.restart()
        let again = try await server.session(owner: session.owner)
        for operation in [Operation.read(file.stateID, count: 1), .write(file.stateID, [1]), .close(file.stateID)] {
            let reply = try await again.compound(.putFH(file.handle), operation)
            #expect([.badStateID, .staleStateID].contains(reply.status), "\(reply)")
        }
        let tested = try await again.run(.testStateID([file.stateID])).statuses
        #expect(tested == [.badStateID] || tested == [.staleStateID])
    }

    @Test("SIGTERM ends the server with exit code 0, and its clients can reclaim from the next instance")
    func terminated() async throws {
        let server = try await ServerUnderTest.start()
        let setUp = try await ReclaimingClient(server)
        let directory = try await server.newDirectory(setUp.session)
        let file = try await setUp.session.open(directory, "file")
        #expect(await server.terminate() == 0)
        try await server.start()
        var client = setUp
        try await client.returns()
        #expect(try await client.reclaim(file.handle).status == .ok)
    }
}
