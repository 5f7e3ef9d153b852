import NFSTestClient
import Testing

@Suite("TEST_STATEID (RFC 8881 §18.48)")
struct TestStateIDTests {
    private static let unknown = StateID(seqid: 1, other: Array(repeating: 0x77, count: 12))

    @Test("each stateid has its own answer, in order")
    func statuses() async throws {
        let (session, directory) = try await newDirectory()
        let first = try await session.open(directory, "file", access: .read)
        let second = try await session.open(directory, "file", access: .write)
        let lock = try await session.lock(second)
        let closed = try await session.open(directory, "closed")
        try await session.close(closed)
        let reply = try await session.run(
            .testStateID([second.stateID, Self.unknown, first.stateID, lock, closed.stateID, second.stateID.with(seqid: 9)]))
        #expect(try reply.statuses == [.ok, .badStateID, .oldStateID, .ok, .badStateID, .badStateID])
    }

    @Test("no stateids, no answers")
    func none() async throws {
        #expect(try await newSession().run(.testStateID([])).statuses.isEmpty)
    }

    @Test("the stateid of another client is BAD_STATEID")
    func otherClient() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        #expect(try await newSession().run(.testStateID([file.stateID])).statuses == [.badStateID])
    }

    @Test("special stateids are BAD_STATEID")
    func special() async throws {
        let statuses = try await newSession().run(.testStateID([.anonymous, .readBypass, .invalid])).statuses
        #expect(statuses == [.badStateID, .badStateID, .badStateID])
    }

    @Test("it needs no filehandle and takes many stateids")
    func many() async throws {
        let statuses = try await newSession().run(.testStateID(Array(repeating: Self.unknown, count: 500))).statuses
        #expect(statuses == Array(repeating: .badStateID, count: 500))
    }
}

@Suite("FREE_STATEID (RFC 8881 §18.38)")
struct FreeStateIDTests {
    @Test("a lock stateid with locks is LOCKS_HELD, without it is freed and then BAD_STATEID")
    func lock() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        #expect(try await shared.session.compound(.freeStateID(lock)).outcome == Outcome(.freeStateID, .locksHeld))
        let unlocked = try await shared.session.run(.putFH(shared.handle), .lockU(lock)).stateID
        #expect(try await shared.session.compound(.freeStateID(unlocked)).status == .ok)
        #expect(try await shared.session.compound(.freeStateID(unlocked)).outcome == Outcome(.freeStateID, .badStateID))
        #expect(try await shared.session.run(.testStateID([unlocked])).statuses == [.badStateID])
    }

    @Test("a freed lock owner starts again with a new stateid")
    func again() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        let unlocked = try await shared.session.run(.putFH(shared.handle), .lockU(lock)).stateID
        try await shared.session.run(.freeStateID(unlocked))
        let next = try await shared.session.lock(shared.file)
        #expect(next.seqid == 1)
        #expect(next.other != lock.other)
    }

    @Test("an open stateid is LOCKS_HELD: only CLOSE ends an open")
    func open() async throws {
        let shared = try await SharedFile()
        #expect(try await shared.session.compound(.freeStateID(shared.file.stateID)).outcome == Outcome(.freeStateID, .locksHeld))
    }

    @Test("a stateid that is none, is special or is another client's is BAD_STATEID")
    func unknown() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        for stateID in [StateID(seqid: 1, other: Array(repeating: 0x77, count: 12)), .anonymous, .readBypass] {
            #expect(try await shared.session.compound(.freeStateID(stateID)).outcome == Outcome(.freeStateID, .badStateID))
        }
        #expect(try await shared.otherSession.compound(.freeStateID(lock)).outcome == Outcome(.freeStateID, .badStateID))
    }
}
