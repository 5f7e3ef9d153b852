import ConformanceRecord
import NFSTestClient
import Testing

@Suite("TEST_STATEID (RFC 8881 §18.48)", .covers(.testStateID))
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

    @Test("special stateids are BAD_STATEID, that for the current one too (§18.48.3)")
    func special() async throws {
        let (session, directory) = try await newDirectory()
        let specials = [StateID.anonymous, .readBypass, .invalid, .current, .readBypass.with(seqid: 3)]
        let reply = try await session.run(.putFH(directory), .open(.null("file"), .unchecked(.none)), .testStateID(specials))
        #expect(try reply.statuses == Array(repeating: .badStateID, count: specials.count))
    }

    @Test("seqid zero is the newest (§8.2.2)")
    func zeroSeqID() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        let statuses = try await shared.session.run(.testStateID([shared.file.stateID.with(seqid: 0), lock.with(seqid: 0)])).statuses
        #expect(statuses == [.ok, .ok])
    }

    @Test("it needs no filehandle and takes many stateids")
    func many() async throws {
        let statuses = try await newSession().run(.testStateID(Array(repeating: Self.unknown, count: 500))).statuses
        #expect(statuses == Array(repeating: .badStateID, count: 500))
    }
}
