import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "LOCKU (RFC 8881 §18.12)",
    .covers(
        .lockU,
        never: [
            .access: "who holds a lock may give it back",
            .badRange: "ranges of 64 bits are supported",
            .lockRange: "any part of what is held can be unlocked, as POSIX has it",
            .stale: "PUTFH finds that a file is gone",
        ],
        besides: [
            .isDir: "§18.12.3 demands it", .symlink: "§18.12.3 demands it", .wrongType: "§18.12.3 demands it",
        ]))
struct LockUTests {
    @Test("unlocking the middle leaves both ends locked")
    func split() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file, offset: 0, length: 100)
        let unlocked = try await shared.session.run(.putFH(shared.handle), .lockU(lock, offset: 40, length: 20)).stateID
        #expect(unlocked == lock.with(seqid: 2))
        #expect(try await shared.isFree(offset: 40, length: 20))
        #expect(try await !shared.isFree(offset: 39, length: 1))
        #expect(try await !shared.isFree(offset: 60, length: 1))
        #expect(try await shared.otherLock(offset: 0, length: 1).lockDenied.length == 40)
    }

    @Test("unlocking what spans several locks frees them all")
    func spanning() async throws {
        let shared = try await SharedFile()
        var lock = try await shared.session.lock(shared.file, offset: 0, length: 10)
        lock = try await shared.session.run(.putFH(shared.handle), .lock(.read, offset: 20, length: 10, .lock(lock))).stateID
        try await shared.session.run(.putFH(shared.handle), .lockU(lock, offset: 5, length: 20))
        #expect(try await !shared.isFree(offset: 0, length: 5))
        #expect(try await shared.isFree(offset: 5, length: 20))
        #expect(try await !shared.isFree(offset: 25, length: 5))
    }

    @Test("unlocking what is not locked is no error")
    func notLocked() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file, offset: 0, length: 10)
        #expect(try await shared.session.compound(.putFH(shared.handle), .lockU(lock, offset: 500, length: 10)).status == .ok)
        #expect(try await !shared.isFree(offset: 0, length: 10))
    }

    @Test("what is unlocked can be locked by another, and the unlocker's stateid stays good")
    func handOver() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        #expect(try await shared.otherLock().status == .denied)
        let unlocked = try await shared.session.run(.putFH(shared.handle), .lockU(lock)).stateID
        #expect(try await shared.otherLock(offset: 0, length: 10).status == .ok)
        #expect(
            try await shared.session.compound(.putFH(shared.handle), .lock(.write, offset: 50, length: 1, .lock(unlocked))).status == .ok)
    }

    @Test("a length of zero, or a range beyond all offsets, is INVAL", arguments: [(0, 0), (2, .max - 1)] as [(UInt64, UInt64)])
    func badRange(_ offset: UInt64, _ length: UInt64) async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        let reply = try await shared.session.compound(.putFH(shared.handle), .lockU(lock, offset: offset, length: length))
        #expect(reply.outcome == Outcome(.lockU, .inval))
    }

    @Test("an old seqid is OLD_STATEID, a stateid of no lock BAD_STATEID")
    func badStateID() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file, offset: 0, length: 1)
        try await shared.session.run(.putFH(shared.handle), .lock(.write, offset: 5, length: 1, .lock(lock)))
        #expect(try await shared.session.compound(.putFH(shared.handle), .lockU(lock)).outcome == Outcome(.lockU, .oldStateID))
        for stateID in [shared.file.stateID, .anonymous, .readBypass] {
            #expect(try await shared.session.compound(.putFH(shared.handle), .lockU(stateID)).outcome == Outcome(.lockU, .badStateID))
        }
        let others = try await shared.otherSession.compound(.putFH(shared.handle), .lockU(lock.with(seqid: 0)))
        #expect(others.outcome == Outcome(.lockU, .badStateID))
    }

    @Test("a seqid that was never handed out is BAD_STATEID, zero is the newest (§8.2.2)")
    func seqid() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        let future = try await shared.session.compound(.putFH(shared.handle), .lockU(lock.with(seqid: 2)))
        #expect(future.outcome == Outcome(.lockU, .badStateID))
        #expect(try await shared.session.run(.putFH(shared.handle), .lockU(lock.with(seqid: 0))).stateID == lock.with(seqid: 2))
    }

    @Test("any lock type will do (§18.12.3)", arguments: [LockType.read, .blockingRead, .blockingWrite])
    func anyType(_ type: LockType) async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        try await shared.session.run(.putFH(shared.handle), .lockU(lock, type: type))
        #expect(try await shared.isFree(offset: 0, length: .max))
    }

    @Test("of what is no regular file it is ISDIR, SYMLINK or WRONG_TYPE (§18.12.3)", arguments: WrongType.all)
    func wrongType(_ wrong: WrongType) async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        let other = try await wrong.make(in: try await sharedServer().newDirectory(shared.session), shared.session)
        #expect(try await shared.session.compound(.putFH(other), .lockU(lock)).outcome == Outcome(.lockU, wrong.status))
    }

    @Test("of another file it is BAD_STATEID (§8.2.4)")
    func otherFile() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        let second = try await shared.session.open(sharedServer().newDirectory(shared.session), "second")
        #expect(try await shared.session.compound(.putFH(second.handle), .lockU(lock)).outcome == Outcome(.lockU, .badStateID))
    }

    @Test("a retry is answered as the first time, and counts once")
    func replay() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        let unlock = [Operation.putFH(shared.handle), .lockU(lock, offset: 0, length: 10)]
        let first = try await shared.session.compound(unlock, cacheThis: true)
        let again = try await shared.session.connection.compound([await shared.session.lastSequence(cacheThis: true)] + unlock)
        #expect(again.bytes == first.bytes)
        #expect(try await shared.session.run(.putFH(shared.handle), .lockU(first.stateID)).stateID == lock.with(seqid: 3))
    }
}
