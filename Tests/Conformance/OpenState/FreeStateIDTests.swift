import ConformanceRecord
import NFSTestClient
import Testing

@Suite("FREE_STATEID (RFC 8881 §18.38)", .covers(.freeStateID))
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

    @Test("an old seqid is OLD_STATEID, one never handed out BAD_STATEID, zero is the newest (§8.2.2)")
    func seqid() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        let unlocked = try await shared.session.run(.putFH(shared.handle), .lockU(lock)).stateID
        #expect(try await shared.session.compound(.freeStateID(lock)).outcome == Outcome(.freeStateID, .oldStateID))
        #expect(try await shared.session.compound(.freeStateID(lock.with(seqid: 3))).outcome == Outcome(.freeStateID, .badStateID))
        #expect(try await shared.session.compound(.freeStateID(unlocked.with(seqid: 0))).status == .ok)
    }

    @Test("the current stateid can be freed (§8.2.3)")
    func current() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        try await shared.session.run(.putFH(shared.handle), .lockU(lock), .freeStateID(.current))
        #expect(try await shared.session.run(.testStateID([lock])).statuses == [.badStateID])
    }

    @Test("a retry is answered as the first time")
    func replay() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        let unlocked = try await shared.session.run(.putFH(shared.handle), .lockU(lock)).stateID
        let first = try await shared.session.compound(.freeStateID(unlocked), cacheThis: true)
        let request = [await shared.session.lastSequence(cacheThis: true), .freeStateID(unlocked)]
        #expect(first.status == .ok)
        #expect(try await shared.session.connection.compound(request).bytes == first.bytes)
    }
}
