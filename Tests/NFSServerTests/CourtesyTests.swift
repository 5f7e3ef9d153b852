import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

/// Leases that run out, by a clock of the tests: a lease is 60 s, and nobody waits for it.
@Suite("A courteous server (RFC 8881 §8.4.3)")
struct CourtesyTests {
    private let time = ManualTime()
    private let record = MemoryClientRecord()
    private let entries: [NameSpace.Entry]
    private let server: InProcessServer
    private let silent: TestSession
    private let directory: FileHandle
    private let file: OpenedFile
    private let lock: StateID
    private let other: TestSession

    init() async throws {
        entries = [NameSpace.Entry(pseudoPath: "/export", fileSystem: try memoryFiles())]
        server = await InProcessServer.start(entries, storage: record, time: time)
        (silent, directory) = try await server.sessionInNewDirectory()
        file = try await silent.open(directory, "file", deny: .both)
        lock = try await silent.lock(file)
        other = try await server.session()
    }

    /// The other client goes on renewing its lease.
    private func pass(_ duration: Duration) async throws {
        var left = duration
        while left > .zero {
            server.pass(min(left, .seconds(40)))
            try await other.run()
            left -= .seconds(40)
        }
    }

    private func openByOther(_ name: String = "file") async throws -> Status {
        try await other.compound(.putFH(directory), .open(.null(name))).status
    }

    private func flags(_ session: TestSession) async throws -> UInt32 { try await session.run().sequence.flags & 0x38 }

    @Test("nothing is lost within the lease, and nothing after it that nobody wants")
    func kept() async throws {
        try await pass(.seconds(60))
        #expect(try await openByOther() == .shareDenied)
        try await pass(.seconds(3600))
        #expect(try await flags(silent) == 0)
        try await silent.run(.putFH(file.handle), .write(lock, [1]))
        #expect(try await openByOther() == .shareDenied, "the lease is renewed")
        #expect(await record.inForce.contains(silent.owner.id))
    }

    @Test("what is wanted is lost with all the rest, and the name is off the record before another has it")
    func whole() async throws {
        let second = try await silent.open(directory, "second")
        try await pass(.seconds(61))
        #expect(try await openByOther() == .ok)
        #expect(await !record.inForce.contains(silent.owner.id))
        #expect(try await flags(silent) == 0x8)
        #expect(try await silent.run(.testStateID([file.stateID, lock, second.stateID])).statuses == [.expired, .expired, .expired])
        // It knows, and is on the record again before it has anything.
        try await silent.run(.putFH(directory), .open(.null("third"), .unchecked(.none)))
        #expect(await record.inForce.contains(silent.owner.id))
    }

    @Test("a lock, a test for a lock, and I/O without a stateid want what is in their way as well")
    func wanted() async throws {
        for want in [
            Operation.lockT(.write, owner: "other"), .read(.anonymous, count: 1), .write(.anonymous, [1]), .setAttr(.size(0)),
        ] {
            let (silent, directory) = try await server.sessionInNewDirectory()
            let file = try await silent.open(directory, "file", deny: .both)
            _ = try await silent.lock(file)
            #expect(try await other.compound(.putFH(file.handle), want).status != .ok)
            try await pass(.seconds(61))
            #expect(try await other.compound(.putFH(file.handle), want).status == .ok)
            #expect(try await flags(silent) == 0x8)
        }
        let (silent, directory) = try await server.sessionInNewDirectory()
        let file = try await silent.open(directory, "file")
        _ = try await silent.lock(file)
        let open = try await other.run(.putFH(file.handle), .open(.fileHandle)).open.stateID
        let lock = Operation.lock(.write, .open(open, "owner"))
        let denied = try await other.compound(.putFH(file.handle), lock)
        #expect(try denied.lockDenied.owner.clientID == silent.clientID)
        try await pass(.seconds(61))
        #expect(try await other.compound(.putFH(file.handle), lock).status == .ok)
    }

    @Test("a client that returns in the moment another wants what it holds is in time or is told, never neither")
    func race() async throws {
        var (kept, lost) = (0, 0)
        for _ in 0..<60 {
            let (silent, directory) = try await server.sessionInNewDirectory()
            let file = try await silent.open(directory, "file", deny: .both)
            try await pass(.seconds(61))
            async let back = silent.compound(.putFH(file.handle), .write(file.stateID, [1]))
            async let wanted = other.compound(.putFH(directory), .open(.null("file")))
            let (mine, theirs) = try await (back, wanted)
            if try mine.sequence.flags & 0x38 == 0 {
                #expect(mine.status == .ok && theirs.status == .shareDenied)
                kept += 1
            } else {
                // It may have written before its state was taken.
                #expect([.ok, .expired].contains(mine.status) && theirs.status == .ok)
                lost += 1
            }
        }
        #expect(kept + lost == 60)
    }

    @Test("after 24 hours the client is forgotten: BADSESSION")
    func forgotten() async throws {
        try await pass(.seconds(24 * 3600))
        #expect(try await flags(silent) == 0)
        try await pass(.seconds(24 * 3600 + 60))
        #expect(try await flags(silent) == 0)
        try await pass(.seconds(24 * 3600 + 100))
        #expect(try await silent.compound().outcome == Outcome(.sequence, .badSession))
        // Its name comes off the record first.
        while try await openByOther() == .delay {}
        #expect(try await openByOther() == .ok)
        #expect(await !record.inForce.contains(silent.owner.id))
    }

    @Test("a revoked client that stays away is forgotten as well")
    func revokedAndForgotten() async throws {
        try await pass(.seconds(61))
        #expect(try await openByOther() == .ok)
        try await pass(.seconds(24 * 3600 + 100))
        #expect(try await silent.compound().outcome == Outcome(.sequence, .badSession))
    }

    @Test("while the server is stopped no lease runs out")
    func stopped() async throws {
        server.pass(.seconds(1))
        time.advance(by: .seconds(3600))
        #expect(try await openByOther() == .shareDenied)
        let taker = Connection(server.connect(), credential: .sys(uid: 1, gid: 1))
        #expect(try await taker.compound(.exchangeID(silent.owner)).status == .clidInUse)
        try await pass(.seconds(50))
        #expect(try await openByOther() == .shareDenied, "the client has a whole lease to come back")
        #expect(try await flags(silent) == 0)
        try await pass(.seconds(61))
        #expect(try await openByOther() == .ok)
    }

    @Test("the longest expired client gives way to a new one when there are too many")
    func tooMany() async throws {
        var limits = Limits()
        limits.state.clients = 3
        let server = await InProcessServer.start(entries, limits: limits, time: time)
        var sessions: [TestSession] = []
        for _ in 0..<3 {
            sessions.append(try await server.session())
            server.pass(.seconds(10))
        }
        let connection = Connection(server.connect())
        #expect(try await connection.compound(.exchangeID(.unique())).outcome == Outcome(.exchangeID, .delay))
        server.pass(.seconds(45))
        _ = try await server.session()
        #expect(try await sessions[0].compound().outcome == Outcome(.sequence, .badSession))
        #expect(try await sessions[1].compound().status == .ok)
    }

    @Test("the longest expired client gives way to a new session when there are too many")
    func tooManySessions() async throws {
        var limits = Limits()
        limits.state.sessions = 2
        let server = await InProcessServer.start(entries, limits: limits, time: time)
        let (first, second) = (try await server.session(), try await server.session())
        server.pass(.seconds(50))
        try await second.run()
        server.pass(.seconds(11))
        _ = try await server.session()
        #expect(try await first.compound().outcome == Outcome(.sequence, .badSession))
        #expect(try await second.compound().status == .ok)
    }

    @Test("what one client may hold is bounded, but it may always give back")
    func bounded() async throws {
        var limits = Limits()
        limits.state.statesPerClient = 4
        let server = await InProcessServer.start(entries, limits: limits)
        let session = try await server.session()
        let file = try await session.open(directory, "bounded", .unchecked(.none))
        var lock = try await session.lock(file, offset: 0, length: 10)
        lock = try await session.run(.putFH(file.handle), .lock(.write, offset: 20, length: 10, .lock(lock))).stateID
        let more = Operation.lock(.write, offset: 40, length: 10, .lock(lock))
        #expect(try await session.compound(.putFH(file.handle), more).outcome == Outcome(.lock, .serverFault))
        #expect(
            try await session.compound(.putFH(file.handle), .lockU(lock, offset: 5, length: 1)).outcome == Outcome(.lockU, .serverFault))
        lock = try await session.run(.putFH(file.handle), .lockU(lock, offset: 0, length: 10)).stateID
        try await session.run(.putFH(file.handle), .lockU(lock, offset: 25, length: 1), .close(file.stateID))
    }

    @Test("an administrator takes what a living client holds, which keeps its session and may have new state")
    func administrator() async throws {
        #expect(await server.revoke(silent.clientID))
        #expect(await !record.inForce.contains(silent.owner.id))
        #expect(try await openByOther() == .ok)
        #expect(try await flags(silent) == 0x20)
        #expect(try await silent.run(.testStateID([file.stateID, lock])).statuses == [.adminRevoked, .adminRevoked])
        try await silent.run(.freeStateID(file.stateID), .freeStateID(lock))
        #expect(try await flags(silent) == 0)
        _ = try await silent.open(directory, "second")
        #expect(await record.inForce.contains(silent.owner.id))
        #expect(await !server.revoke(1))
    }

    @Test("while the name of a revoked client comes off the record nobody has what it held, and it gets nothing new")
    func underWay() async throws {
        let storage = HeldStorage(MemoryClientRecord())
        let server = await InProcessServer.start(entries, storage: storage, limits: Limits(graceHoldMilliseconds: 0), time: time)
        let (silent, directory) = try await server.sessionInNewDirectory()
        let file = try await silent.open(directory, "file", deny: .both)
        let other = try await server.session()
        server.pass(.seconds(50))
        try await other.run()
        server.pass(.seconds(11))
        await storage.hold(.remove)
        defer { Task { await storage.release() } }
        async let opened = other.compound([.putFH(directory), .open(.null("file"))], slot: 1)
        await storage.untilOneIsHeld()
        #expect(try await flags(silent) == 0x8)
        #expect(try await other.compound(.putFH(directory), .open(.null("file"))).outcome == Outcome(.open, .delay))
        let mine = try await silent.compound(.putFH(directory), .open(.null("second"), .unchecked(.none)))
        #expect(mine.outcome == Outcome(.open, .delay))
        await storage.release()
        #expect(try await opened.status == .ok)
        #expect(try await silent.run(.testStateID([file.stateID])).statuses == [.expired])
    }
}
