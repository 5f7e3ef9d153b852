import NFSTestClient
import Testing

@Suite("CLOSE (RFC 8881 §18.2)")
struct CloseTests {
    @Test("a closed stateid is BAD_STATEID for everything")
    func closed() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        try await session.close(file)
        for operation in [
            Operation.close(file.stateID), .read(file.stateID, count: 1), .write(file.stateID, [1]),
            .openDowngrade(file.stateID, access: .read),
        ] {
            #expect(try await session.compound(.putFH(file.handle), operation).status == .badStateID)
        }
    }

    @Test("the next open of the same owner and file has another stateid")
    func nextOpen() async throws {
        let (session, directory) = try await newDirectory()
        let first = try await session.open(directory, "file")
        try await session.close(first)
        let second = try await session.open(directory, "file")
        #expect(second.stateID.other != first.stateID.other)
        #expect(second.stateID.seqid == 1)
    }

    @Test("seqid 0 stands for the newest (§8.2.2)")
    func zeroSeqID() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", access: .read)
        _ = try await session.open(directory, "file", access: .write)
        #expect(try await session.compound(.putFH(file.handle), .close(file.stateID.with(seqid: 0))).status == .ok)
    }

    @Test("an old seqid is OLD_STATEID, one from the future BAD_STATEID, and the file stays open")
    func wrongSeqID() async throws {
        let (session, directory) = try await newDirectory()
        let first = try await session.open(directory, "file", access: .read)
        let second = try await session.open(directory, "file", access: .write)
        #expect(try await session.compound(.putFH(first.handle), .close(first.stateID)).outcome == Outcome(.close, .oldStateID))
        let future = second.stateID.with(seqid: 3)
        #expect(try await session.compound(.putFH(first.handle), .close(future)).outcome == Outcome(.close, .badStateID))
        try await session.close(second)
    }

    @Test("a special stateid is BAD_STATEID", arguments: [StateID.anonymous, .readBypass, .invalid])
    func special(_ stateID: StateID) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        #expect(try await session.compound(.putFH(file.handle), .close(stateID)).outcome == Outcome(.close, .badStateID))
    }

    @Test("the stateid of another file, another client or a lock is BAD_STATEID")
    func notThisOpen() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let second = try await session.open(directory, "second")
        let lock = try await session.lock(file)
        let other = try await newSession().open(directory, "file")
        for stateID in [second.stateID, lock, other.stateID] {
            #expect(try await session.compound(.putFH(file.handle), .close(stateID)).outcome == Outcome(.close, .badStateID))
        }
    }

    @Test("closing with locks held frees them or is LOCKS_HELD (§18.2.3)")
    func locksHeld() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let lock = try await session.lock(file)
        let reply = try await session.compound(.putFH(file.handle), .close(file.stateID))
        let other = try await newSession()
        let test = try await other.compound(.putFH(file.handle), .lockT(.write, owner: "other"))
        switch reply.status {
        case .ok:
            #expect(test.status == .ok)
            #expect(try await session.compound(.putFH(file.handle), .lockU(lock)).outcome == Outcome(.lockU, .badStateID))
        case .locksHeld: #expect(test.status == .denied)
        default: Issue.record("answered \(reply)")
        }
    }

    @Test("data written through an open is there after CLOSE, for every client")
    func closeToOpen() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        try await session.run(.putFH(file.handle), .write(file.stateID, [1, 2, 3]), .commit(), .close(file.stateID))
        #expect(try await newSession().read(file.handle) == [1, 2, 3])
    }

    @Test("many opens and closes leave nothing behind")
    func repeated() async throws {
        let (session, directory) = try await newDirectory()
        for _ in 0..<500 {
            try await session.run(.putFH(directory), .open(.null("file"), .unchecked(.none), deny: .both), .close(.current))
        }
        _ = try await newSession().open(directory, "file", deny: .both)
    }
}
