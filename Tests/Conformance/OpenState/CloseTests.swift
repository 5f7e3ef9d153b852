import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "CLOSE (RFC 8881 §18.2)",
    .covers(
        .close,
        never: [
            .locksHeld: "closing frees the locks, which §18.2.3 allows",
            .stale: "PUTFH finds that a file is gone, and an open one can be closed though its name is removed",
        ]))
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

    @Test("closing with locks held frees them and their stateid (§18.2.3)")
    func locksHeld() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let lock = try await session.lock(file)
        try await session.close(file)
        #expect(try await newSession().compound(.putFH(file.handle), .lockT(.write, owner: "other")).status == .ok)
        #expect(try await session.compound(.putFH(file.handle), .lockU(lock)).outcome == Outcome(.lockU, .badStateID))
    }

    @Test("locks an owner got under another open stay")
    func otherOpensLocks() async throws {
        let shared = try await SharedFile()
        let open = try await shared.session.run(.putFH(shared.handle), .open(.fileHandle, owner: "second opener")).open.stateID
        _ = try await shared.session.lock(shared.file, offset: 0, length: 10)
        try await shared.session.run(.putFH(shared.handle), .lock(.write, offset: 20, length: 10, .open(open, "lock owner")), .close(open))
        #expect(try await !shared.isFree(offset: 0, length: 10))
        #expect(try await shared.isFree(offset: 20, length: 10))
    }

    @Test("it answers with the invalid stateid, which is no current stateid either (§18.2.4, §8.2.3)")
    func invalidStateID() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        #expect(try await session.run(.putFH(file.handle), .close(file.stateID)).stateID == .invalid)
        let reply = try await session.compound(
            .putFH(directory), .open(.null("file")), .close(.current), .read(.current, count: 1))
        #expect(reply.outcome == Outcome(.read, .badStateID))
    }

    @Test("of a directory it is BAD_STATEID: nothing of that kind is open")
    func directory() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        #expect(try await session.compound(.putFH(directory), .close(file.stateID)).outcome == Outcome(.close, .badStateID))
    }

    @Test("a file that was removed can be closed")
    func removed() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        try await session.run(.putFH(directory), .remove("file"))
        try await session.close(file)
    }

    @Test("a retry is answered as the first time, and does not close what was opened since")
    func replay() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let close = [Operation.putFH(file.handle), .close(file.stateID.with(seqid: 0))]
        let first = try await session.compound(close, cacheThis: true)
        let retry = [await session.lastSequence(cacheThis: true)] + close
        let again = try await session.connection.compound(retry)
        #expect(again.bytes == first.bytes && first.status == .ok)
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
