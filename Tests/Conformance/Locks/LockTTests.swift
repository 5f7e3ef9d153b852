import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "LOCKT (RFC 8881 §18.11)",
    .covers(
        .lockT,
        never: [
            .badRange: "ranges of 64 bits are supported",
            .lockRange: "any part of what is held can be locked, as POSIX has it",
            .roFS: "asking changes nothing",
            .stale: "PUTFH finds that a file is gone",
        ]))
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

    @Test(
        "a length of zero is INVAL, one beyond the end of all offsets too (§18.11.3)",
        arguments: [(0, 0), (9, 0), (2, .max - 1), (.max, 2)] as [(UInt64, UInt64)])
    func badRange(_ offset: UInt64, _ length: UInt64) async throws {
        let shared = try await SharedFile()
        let test = Operation.lockT(.write, offset: offset, length: length, owner: "owner")
        #expect(try await shared.session.compound(.putFH(shared.handle), test).outcome == Outcome(.lockT, .inval))
    }

    @Test("of what is no regular file it is ISDIR, SYMLINK or WRONG_TYPE (§18.11.3)", arguments: WrongType.all)
    func wrongType(_ wrong: WrongType) async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(wrong.make(in: directory, session)), .lockT(.write, owner: "owner"))
        #expect(reply.outcome == Outcome(.lockT, wrong.status))
    }

    @Test("the types that wait are tested as the others", arguments: [LockType.blockingRead, .blockingWrite])
    func blocking(_ type: LockType) async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file, .read)
        #expect(try await shared.isFree(type, offset: 0, length: 1) == (type == .blockingRead))
    }

    @Test("a denial names the client of the lock by its client ID (§18.11.3)")
    func deniedClient() async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file)
        let reply = try await shared.otherSession.compound(.putFH(shared.handle), .lockT(.read, owner: "other"))
        #expect(try reply.lockDenied.owner.clientID == shared.session.clientID)
    }

    @Test("the current stateid stays as it was: LOCKT returns none (§16.2.3.1.2)")
    func currentStateID() async throws {
        let (session, directory) = try await newDirectory()
        try await session.run(
            .putFH(directory), .open(.null("file"), .unchecked(.none)), .lockT(.write, owner: "owner"), .read(.current, count: 1))
    }
}
