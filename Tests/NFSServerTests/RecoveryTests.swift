import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

@Suite("What a restart needs is on the record (RFC 8881 §8.4.2.1)")
struct RecoveryTests {
    private static func start(
        _ entries: [NameSpace.Entry], _ storage: any RecoveryStorage, instance: UInt32 = 1, hold milliseconds: Int = 200
    ) async -> InProcessServer {
        await InProcessServer.start(entries, storage: storage, instance: instance, limits: Limits(graceHoldMilliseconds: milliseconds))
    }

    private static func entries() throws -> [NameSpace.Entry] { [NameSpace.Entry(pseudoPath: "/export", fileSystem: try memoryFiles())] }

    private static func create(_ session: TestSession, _ name: String) async throws -> Status {
        try await session.compound(.putFH(session.lookup("/export")), .open(.null(name), .unchecked(.none))).status
    }

    /// A client that holds a file: one it had before a restart of the server, or a new one.
    private static func join(_ server: InProcessServer, _ owner: ClientOwner = .unique(), reclaiming: Bool = false) async throws
        -> TestSession
    {
        let session = try await server.session(owner: owner, reclaimComplete: !reclaiming)
        let export = try await session.lookup("/export")
        if reclaiming {
            try await session.run(.putFH(session.lookup(export, "held")), .open(.previous(0)))
            try await session.run(.reclaimComplete())
        } else {
            try await session.run(.putFH(export), .open(.null("held"), .unchecked(.none)))
        }
        return session
    }

    /// Gives back what `join` took.
    private static func close(_ session: TestSession) async throws {
        let file = try await session.lookup(session.lookup("/export"), "held")
        let open = try await session.run(.putFH(file), .open(.fileHandle)).open.stateID
        try await session.run(.putFH(file), .close(open))
    }

    /// The same order in every run, as that of a dictionary is not.
    private static func sorted(_ owners: some Sequence<ClientOwner>) -> [ClientOwner] {
        owners.sorted { $0.id.lexicographicallyPrecedes($1.id) }
    }

    private static func leave(_ session: TestSession) async throws {
        try await session.connection.compound(.destroySession(session.id)).succeeded()
        try await session.connection.compound(.destroyClientID(session.clientID)).succeeded()
    }

    @Test(
        "clients come, leave and restart, the server restarts, and every few calls to the storage fail: what was acknowledged is on the record",
        arguments: [1, 2, 3, 4] as [UInt64])
    func events(_ seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let (record, entries) = (MemoryClientRecord(), try Self.entries())
        var present: [ClientOwner: TestSession] = [:]
        for instance in 1...3 as ClosedRange<UInt32> {
            #expect(await record.inForce == Set(present.keys.map(\.id)))
            let storage = UnreliableStorage(record, seed: seed << 8 | UInt64(instance))
            let server = await Self.start(entries, storage, instance: instance, hold: 60_000)
            for owner in Self.sorted(present.keys).shuffled(using: &generator) {
                present[owner] = try await Self.join(server, owner, reclaiming: true)
            }
            for _ in 0..<5 {
                let chosen = Self.sorted(present.keys).randomElement(using: &generator)
                switch (Int.random(in: 0..<3, using: &generator), chosen) {
                case (0, let owner?):
                    let removed = present.removeValue(forKey: owner)
                    let leaving = try #require(removed)
                    try await Self.close(leaving)
                    try await Self.leave(leaving)
                    #expect(await !record.own.contains(owner.id))
                case (1, let owner?):
                    present[owner] = nil
                    let restarted = owner.restarted()
                    present[restarted] = try await Self.join(server, restarted)
                default:
                    let owner = ClientOwner(verifier: Verifier(generator.next()), id: Array("client \(generator.next())".utf8))
                    present[owner] = try await Self.join(server, owner)
                }
                #expect(await record.own.isSuperset(of: present.keys.map(\.id)))
            }
            // An OPEN waits for the end of grace, so the list is in force when it is answered.
            let last = ClientOwner(verifier: Verifier(1), id: Array("last of \(instance)".utf8))
            present[last] = try await Self.join(server, last)
            #expect(await record.inForce == Set(present.keys.map(\.id)))
        }
    }

    @Test("the first OPEN is answered when the client is on the record, not before")
    func acknowledged() async throws {
        let record = MemoryClientRecord()
        let storage = HeldStorage(record)
        let server = await Self.start(try Self.entries(), storage)
        let session = try await server.session()
        #expect(await record.own.isEmpty, "who holds nothing is not waited for after a restart")
        await storage.hold(.add)
        async let answered = Self.create(session, "file")
        defer { Task { await storage.release() } }
        await storage.untilOneIsHeld()
        // Another client gets an answer meanwhile: nobody waits under a lock or on the only thread.
        let other = try await server.session(reclaimComplete: false)
        #expect(try await Self.create(other, "file") == .grace)
        #expect(await record.own.isEmpty)
        await storage.release()
        #expect(try await answered == .ok)
        #expect(await record.own == [session.owner.id])
    }

    @Test("grace ends only when the new list is in force")
    func endOfGrace() async throws {
        let owner = ClientOwner.unique()
        let record = MemoryClientRecord(inForce: [owner.id])
        let storage = HeldStorage(record)
        let server = await Self.start(try Self.entries(), storage)
        await storage.hold(.activate)
        let session = try await server.session(owner: owner)
        await storage.untilOneIsHeld()
        #expect(try await Self.create(session, "file") == .grace)
        await storage.release()
        // It still may be held for a moment, and is then answered.
        #expect(try await Self.create(session, "file") == .ok)
        #expect(await record.inForce == [owner.id])
    }

    @Test("a client that comes back while it is being taken off the record is on it in the end")
    func returning() async throws {
        let record = MemoryClientRecord()
        let storage = HeldStorage(record)
        let server = await Self.start(try Self.entries(), storage)
        let leaving = try await Self.join(server)
        try await Self.close(leaving)
        let other = try await server.session()
        await storage.hold(.add)
        async let recorded = Self.create(other, "of another")
        defer { Task { await storage.release() } }
        await storage.untilOneIsHeld()
        // Its removal waits behind the other's addition.
        try await Self.leave(leaving)
        let back = try await server.session(owner: leaving.owner.restarted())
        await storage.release()
        #expect(try await recorded == .ok)
        #expect(try await Self.create(back, "file") == .ok)
        #expect(await record.inForce == [leaving.owner.id, other.owner.id])
    }

    @Test("a client that leaves instead of reclaiming is not waited for, and is not on the new list")
    func leaving() async throws {
        let owners = [ClientOwner.unique(), .unique()]
        let record = MemoryClientRecord(inForce: Set(owners.map(\.id)))
        let server = await Self.start(try Self.entries(), record)
        let session = try await server.session(owner: owners[0])
        #expect(try await Self.create(session, "file") == .grace)
        let leaving = try await server.session(owner: owners[1], reclaimComplete: false)
        try await Self.leave(leaving)
        #expect(try await Self.create(session, "file") == .ok)
        #expect(await record.inForce == [owners[0].id])
    }

    @Test("a client that has held nothing for the time of a lease is off the record until it opens something", .timeLimit(.minutes(1)))
    func idle() async throws {
        let (record, time) = (MemoryClientRecord(), ManualTime())
        let server = await InProcessServer.start(try Self.entries(), storage: record, time: time)
        let (session, holder) = (try await Self.join(server), try await Self.join(server))
        try await Self.close(session)
        server.pass(.seconds(59))
        #expect(await record.inForce == [session.owner.id, holder.owner.id])
        server.pass(.seconds(10))
        while await record.inForce != [holder.owner.id] { await Task.yield() }
        #expect(try await Self.create(session, "file") == .ok)
        #expect(await record.inForce == [session.owner.id, holder.owner.id])
        server.pass(.seconds(200))
        #expect(await record.inForce == [session.owner.id, holder.owner.id])
    }

    @Test("an idle client that opens a file while it is being taken off the record has it when it is on it again", .timeLimit(.minutes(1)))
    func idleNoMore() async throws {
        let (record, time) = (MemoryClientRecord(), ManualTime())
        let storage = HeldStorage(record)
        let server = await InProcessServer.start(try Self.entries(), storage: storage, time: time)
        let session = try await Self.join(server)
        try await Self.close(session)
        await storage.hold(.remove)
        server.pass(.seconds(70))
        defer { Task { await storage.release() } }
        await storage.untilOneIsHeld()
        async let opened = Self.create(session, "file")
        // Another client's requests are answered meanwhile.
        #expect(try await server.session().compound().status == .ok)
        await storage.release()
        #expect(try await opened == .ok)
        #expect(await record.inForce == [session.owner.id])
    }
}
