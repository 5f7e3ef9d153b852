import NFSTestClient
import Testing

@Suite("Leases (RFC 8881 §8.3)", .ownProcess)
struct LeaseTests {
    /// Long enough for a busy machine to renew it in time, short enough to wait for its end.
    private static let lease = 10

    @Test("lease_time is the lease the server was given")
    func leaseTime() async throws {
        let server = try await ServerUnderTest.start(.init(lease: 7, grace: 7))
        #expect(try await server.session().run(.putRootFH, .getAttr([.leaseTime])).attributes.uint32(.leaseTime) == 7)
    }

    @Test("a silent client loses its locks to another, not before its lease is over", .timeLimit(.minutes(3)))
    func expiry() async throws {
        let server = try await ServerUnderTest.start(.init(lease: Self.lease, grace: Self.lease))
        let (silent, directory) = try await server.sessionInNewDirectory()
        let file = try await silent.open(directory, "file", deny: .both)
        // Before the request, not after its reply: a busy machine may take its time to deliver that.
        let lastHeard = ContinuousClock.now
        let lock = try await silent.lock(file)
        let other = try await server.session()
        let open = Operation.open(.null("file"), deny: .both)
        #expect(try await other.compound(.putFH(directory), open).status == .shareDenied)
        var reply: CompoundReply
        repeat {
            try await Task.sleep(for: .milliseconds(50))
            reply = try await other.compound(.putFH(directory), open)
        } while reply.status == .shareDenied || reply.status == .delay
        #expect(reply.status == .ok)
        let lasted = ContinuousClock.now - lastHeard
        #expect(lasted >= .seconds(Self.lease))
        #expect(lasted < .seconds(3 * Self.lease))
        #expect(try await other.compound(.putFH(file.handle), .lockT(.write, owner: "other")).status == .ok)

        let late = try await silent.compound(.putFH(file.handle), .write(lock, [1]))
        #expect(late.outcome == Outcome(.write, .expired))
    }

    @Test("SEQUENCE alone renews the lease (§8.3)", .timeLimit(.minutes(3)))
    func renewal() async throws {
        let server = try await ServerUnderTest.start(.init(lease: Self.lease, grace: Self.lease))
        let (session, directory) = try await server.sessionInNewDirectory()
        let file = try await session.open(directory, "file", deny: .both)
        let other = try await server.session()
        let end = ContinuousClock.now + .seconds(2 * Self.lease)
        while ContinuousClock.now < end {
            try await session.run()
            #expect(try await other.compound(.putFH(directory), .open(.null("file"))).status == .shareDenied)
            try await Task.sleep(for: .milliseconds(250))
        }
        #expect(try await session.compound(.putFH(file.handle), .write(file.stateID, [1])).status == .ok)
    }

    @Test("a client whose lease expired goes on when nobody wanted what it holds (§8.4.3)", .timeLimit(.minutes(3)))
    func courtesy() async throws {
        let server = try await ServerUnderTest.start(.init(lease: 2, grace: 2))
        let (silent, directory) = try await server.sessionInNewDirectory()
        let file = try await silent.open(directory, "file", deny: .both)
        let lock = try await silent.lock(file)
        try await Task.sleep(for: .seconds(5))
        // Another client comes and wants something else.
        _ = try await server.session().open(directory, "second")
        #expect(try await silent.run(.putFH(file.handle), .write(lock, [1])).sequence.flags & 0x38 == 0)
    }

    @Test("a client gone for ever is forgotten, and another principal may take its name", .timeLimit(.minutes(3)))
    func forgotten() async throws {
        let server = try await ServerUnderTest.start(.init(lease: Self.lease, grace: Self.lease))
        let (session, directory) = try await server.sessionInNewDirectory()
        _ = try await session.open(directory, "file")
        let connection = Connection(try await server.connect(), credential: .user)
        var reply = try await connection.compound(.exchangeID(session.owner))
        #expect(reply.status == .clidInUse)
        while reply.status == .clidInUse {
            try await Task.sleep(for: .milliseconds(50))
            reply = try await connection.compound(.exchangeID(session.owner))
        }
        #expect(reply.status == .ok)
    }
}
