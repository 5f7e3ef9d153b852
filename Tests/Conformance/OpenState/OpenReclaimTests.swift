import ConformanceRecord
import NFSTestClient
import Testing

@Suite("OPEN, READ and WRITE around a restart of the server (RFC 8881 §8.4.2.1, §18.16.3)", .covers(.open, .read, .write), .ownProcess)
struct OpenReclaimTests {
    /// A server and clients that each have the same file open for reading and writing, the first of which come back after
    /// a restart.
    private func restart(_ count: Int, returning: Int, graceIO: String = "safe") async throws -> (FileHandle, [ReclaimingClient]) {
        let server = try await ServerUnderTest.start(ServerUnderTest.Settings(extraArguments: ["--grace-io", graceIO]))
        var clients: [ReclaimingClient] = []
        for _ in 0..<count { clients.append(try await ReclaimingClient(server)) }
        let directory = try await server.newDirectory(clients[0].session)
        let file = try await clients[0].session.makeFile(directory, "file", [1, 2, 3])
        for client in clients { try await client.session.run(.putFH(file), .open(.fileHandle)) }
        try await server.restart()
        for index in 0..<returning { try await clients[index].returns() }
        return (file, clients)
    }

    @Test("safe: what was reclaimed is read and written by while others may still reclaim; other I/O and new opens are GRACE")
    func ioDuringGrace() async throws {
        let (file, clients) = try await restart(2, returning: 1)
        defer { withExtendedLifetime(clients) {} }  // they keep the server
        let session = clients[0].session
        let both = try await clients[0].reclaim(file).open.stateID
        try await session.run(.putFH(file), .write(both, [9]))
        #expect(try await session.run(.putFH(file), .read(both, count: 2)).read.data == [9, 2])
        try await clients[0].completeReclaim()
        try await session.run(.putFH(file), .write(both, [8]), .read(both, count: 1), .setAttr(.size(2), stateID: both))
        let refused: [(Operation, OperationCode)] = [
            (.read(.anonymous, count: 1), .read), (.read(.readBypass, count: 1), .read), (.write(.anonymous, [1]), .write),
            (.setAttr(.size(1)), .setAttr),
            (.open(.fileHandle, access: .read), .open),
        ]
        for (operation, code) in refused {
            #expect(try await session.compound(.putFH(file), operation).outcome == Outcome(code, .grace))
        }
    }

    @Test("strict, as by default: nothing is read or written while others may still reclaim: GRACE")
    func strictIODuringGrace() async throws {
        let (file, clients) = try await restart(2, returning: 2, graceIO: "strict")
        defer { withExtendedLifetime(clients) {} }  // they keep the server
        let session = clients[0].session
        let both = try await clients[0].reclaim(file).open.stateID
        try await clients[0].completeReclaim()
        let io: [(Operation, OperationCode)] = [
            (.read(both, count: 1), .read), (.write(both, [9]), .write), (.setAttr(.size(0), stateID: both), .setAttr),
            (.read(.anonymous, count: 1), .read), (.write(.anonymous, [9]), .write),
        ]
        for (operation, code) in io {
            #expect(try await session.compound(.putFH(file), operation).outcome == Outcome(code, .grace))
        }
        try await clients[1].completeReclaim()
        #expect(try await session.run(.putFH(file), .read(both, count: 4)).read.data == [1, 2, 3])
    }

    @Test("a reclaimed open for writing alone is not read by in grace: a denial of reading may still be reclaimed")
    func readByWritingDuringGrace() async throws {
        let (file, clients) = try await restart(2, returning: 1)
        defer { withExtendedLifetime(clients) {} }  // they keep the server
        let writing = try await clients[0].reclaim(file, access: .write).open.stateID
        #expect(try await clients[0].session.compound(.putFH(file), .read(writing, count: 1)).outcome == Outcome(.read, .grace))
    }

    @Test("a delegation that was never given is not reclaimed: RECLAIM_BAD, and a type nobody can hold is INVAL")
    func delegations() async throws {
        let (file, clients) = try await restart(1, returning: 1)
        for (type, status) in [(UInt32(1), Status.reclaimBad), (2, .reclaimBad), (3, .inval), (0, .ok)] {
            let reply = try await clients[0].session.compound(.putFH(file), .open(.previous(type)))
            #expect(reply.outcome == Outcome(.open, status))
        }
    }

    @Test("a denial that was never there stands in the way of an honest reclaim: RECLAIM_CONFLICT")
    func conflict() async throws {
        let (file, clients) = try await restart(2, returning: 2)
        try await clients[0].session.run(.putFH(file), .open(.previous(0), deny: .both))
        #expect(try await clients[1].reclaim(file).outcome == Outcome(.open, .reclaimConflict))
    }

    @Test("the owner of a file reclaims it whatever its mode is now, others need the right")
    func ownerOverride() async throws {
        let server = try await ServerUnderTest.start()
        var client = try await ReclaimingClient(server)
        let directory = try await server.newDirectory(client.session)
        let file = try await client.session.open(directory, "file", .guarded(.mode(0o400)), credential: .user)
        try await server.restart()
        try await client.returns()
        let reclaim = [Operation.putFH(file.handle), .open(.previous(0))]
        #expect(try await client.session.compound(reclaim, credential: .otherUser).outcome == Outcome(.open, .access))
        #expect(try await client.session.compound(reclaim, credential: .user).outcome == Outcome(.open, .ok))
    }

    @Test("an exclusive create is found by its verifier after a restart; another verifier and another client are EXIST")
    func exclusiveCreate() async throws {
        let server = try await ServerUnderTest.start()
        var client = try await ReclaimingClient(server)
        let directory = try await server.newDirectory(client.session)
        let verifier = Verifier(0xfedc_ba98_7654_3210)
        let made = try await client.session.open(directory, "file", .exclusive41(verifier, .mode(0o400)), credential: .user)
        try await server.restart()
        try await client.returns()
        try await client.completeReclaim()
        let retry = try await client.session.open(directory, "file", .exclusive41(verifier, .mode(0o400)), credential: .user)
        #expect(retry.handle == made.handle)
        #expect(retry.result.attributesSet == made.result.attributesSet)
        for (session, verifier) in [(client.session, Verifier(1)), (try await server.session(), verifier)] {
            let open = Operation.open(.null("file"), .exclusive41(verifier, .none))
            #expect(try await session.compound(.putFH(directory), open).outcome == Outcome(.open, .exist))
        }
        let write = [Operation.putFH(retry.handle), .write(retry.stateID, [1])]
        #expect(try await client.session.compound(write, credential: .user).outcome == Outcome(.write, .ok), "its maker may write it")
    }
}
