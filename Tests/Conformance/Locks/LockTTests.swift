import NFSTestClient
import Testing

@Suite("LOCKT (RFC 8881 §18.11)")
struct LockTTests {
    @Test("a range nobody holds is free, and stays free")
    func free() async throws {
        let shared = try await SharedFile()
        #expect(try await shared.isFree(offset: 0, length: .max))
        #expect(try await shared.session.compound(.putFH(shared.handle), .lockT(.write, owner: "a")).status == .ok)
        #expect(try await shared.session.compound(.putFH(shared.handle), .lockT(.write, owner: "b")).status == .ok)
    }

    @Test("the file need not be open")
    func notOpen() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await newSession().compound(.putFH(file), .lockT(.write, owner: "owner")).status == .ok)
    }

    @Test("an owner's own locks are no conflict")
    func own() async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file, owner: "mine")
        #expect(try await shared.session.compound(.putFH(shared.handle), .lockT(.write, owner: "mine")).status == .ok)
        #expect(try await shared.session.compound(.putFH(shared.handle), .lockT(.read, owner: "not mine")).status == .denied)
    }

    @Test("a conflict is DENIED with the lock that is in the way")
    func denied() async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file, .read, offset: 7, length: 3, owner: "holder")
        let reply = try await shared.otherSession.compound(.putFH(shared.handle), .lockT(.write, offset: 0, length: 8, owner: "other"))
        let denied = try reply.lockDenied
        #expect(denied.offset == 7 && denied.length == 3 && denied.type == .read)
        #expect(denied.owner.id == Array("holder".utf8))
    }

    @Test("of a directory it is ISDIR")
    func directory() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .lockT(.write, owner: "owner")).outcome == Outcome(.lockT, .isDir))
    }
}

@Suite("LOCKU (RFC 8881 §18.12)")
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
}
