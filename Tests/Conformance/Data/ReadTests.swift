import NFSTestClient
import Testing

@Suite("READ (RFC 8881 §18.22)")
struct ReadTests {
    private static let content = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    private func openFile(access: Share = .both) async throws -> (TestSession, OpenedFile) {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file", Self.content)
        return (session, try await session.open(directory, "file", .noCreate, access: access))
    }

    @Test(
        "data comes from the offset, and eof tells when its end is the file's",
        arguments: [
            (0, 10, false), (1, 1, false), (9_999, 1, true), (9_998, 1, false), (0, 10_000, true), (5_000, 10_000, true), (3, 4_001, false),
        ] as [(Int, UInt32, Bool)])
    func read(_ offset: Int, _ count: UInt32, _ eof: Bool) async throws {
        let (session, file) = try await openFile()
        let result = try await session.run(.putFH(file.handle), .read(file.stateID, offset: UInt64(offset), count: count)).read
        #expect(result.data == Array(Self.content.dropFirst(offset).prefix(Int(count))))
        #expect(result.eof == eof)
    }

    @Test("beyond the end there is nothing and eof", arguments: [10_000, 10_001, 1 << 40, (1 << 63) - 1] as [UInt64])
    func beyondEnd(_ offset: UInt64) async throws {
        let (session, file) = try await openFile()
        let result = try await session.run(.putFH(file.handle), .read(file.stateID, offset: offset, count: 100)).read
        #expect(result.data.isEmpty)
        #expect(result.eof)
    }

    @Test("an offset no file can have is nothing and eof, or INVAL", arguments: [1 << 63, UInt64.max])
    func hugeOffset(_ offset: UInt64) async throws {
        let (session, file) = try await openFile()
        let reply = try await session.compound(.putFH(file.handle), .read(file.stateID, offset: offset, count: 100))
        #expect([.ok, .inval].contains(reply.status))
        if reply.status == .ok { #expect(try reply.read.data.isEmpty && reply.read.eof) }
    }

    @Test("a count of zero reads nothing and is no error")
    func zeroCount() async throws {
        let (session, file) = try await openFile()
        #expect(try await session.run(.putFH(file.handle), .read(file.stateID, count: 0)).read.data.isEmpty)
    }

    @Test("an empty file has eof at once")
    func emptyFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "empty")
        let result = try await session.run(.putFH(file.handle), .read(file.stateID, count: 10)).read
        #expect(result.data.isEmpty && result.eof)
    }

    @Test("more than the server gives at once is given in part, never refused")
    func hugeCount() async throws {
        let (session, file) = try await openFile()
        let result = try await session.run(.putFH(file.handle), .read(file.stateID, count: .max)).read
        #expect(result.data == Self.content)
        #expect(result.eof)
    }

    @Test("a hole reads as zeros")
    func hole() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        try await session.run(.putFH(file.handle), .write(file.stateID, offset: 100_000, [1]))
        let result = try await session.run(.putFH(file.handle), .read(file.stateID, offset: 50_000, count: 50_001)).read
        #expect(result.data == Array(repeating: 0, count: 50_000) + [1])
        #expect(result.eof)
    }

    @Test("the anonymous and the READ bypass stateid read without an open (§8.2.3)", arguments: [StateID.anonymous, .readBypass])
    func special(_ stateID: StateID) async throws {
        let (session, file) = try await openFile()
        try await session.close(file)
        #expect(try await session.run(.putFH(file.handle), .read(stateID, count: 3)).read.data == Array(Self.content.prefix(3)))
    }

    @Test("a lock stateid reads as the open it came from")
    func lockStateID() async throws {
        let (session, file) = try await openFile()
        let lock = try await session.lock(file)
        #expect(try await session.run(.putFH(file.handle), .read(lock, count: 3)).read.data == Array(Self.content.prefix(3)))
    }

    @Test("an open for writing only may be refused with OPENMODE, not otherwise")
    func writeOnly() async throws {
        let (session, file) = try await openFile(access: .write)
        let reply = try await session.compound(.putFH(file.handle), .read(file.stateID, count: 3))
        #expect([.ok, .openMode].contains(reply.status))
    }

    @Test("bad stateids: unknown, invalid, from the future or of another file are BAD_STATEID, an old seqid OLD_STATEID")
    func badStateID() async throws {
        let (session, file) = try await openFile(access: .read)
        let directory = try await sharedServer().newDirectory(session)
        let second = try await session.open(directory, "second")
        let unknown = StateID(seqid: 1, other: Array(repeating: 0x13, count: 12))
        for stateID in [unknown, .invalid, file.stateID.with(seqid: 2), second.stateID, StateID(seqid: 2, other: StateID.anonymous.other)] {
            let reply = try await session.compound(.putFH(file.handle), .read(stateID, count: 1))
            #expect(reply.outcome == Outcome(.read, .badStateID), "\(stateID)")
        }
        let upgraded = try await session.run(.putFH(file.handle), .open(.fileHandle, access: .write)).open.stateID
        #expect(upgraded.seqid == 2)
        #expect(try await session.compound(.putFH(file.handle), .read(file.stateID, count: 1)).outcome == Outcome(.read, .oldStateID))
    }

    @Test("another client's stateid is BAD_STATEID")
    func otherClient() async throws {
        let (_, file) = try await openFile()
        let reply = try await newSession().compound(.putFH(file.handle), .read(file.stateID, count: 1))
        #expect(reply.outcome == Outcome(.read, .badStateID))
    }

    @Test("a directory is ISDIR, other objects are INVAL or WRONG_TYPE", .timeLimit(.minutes(1)))
    func notRegular() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .read(count: 1)).outcome == Outcome(.read, .isDir))
        for type in [Operation.CreateType.symlink(to: "x"), .fifo, .socket] {
            let reply = try await session.compound(.putFH(directory), .create(type, "\(type)"), .read(count: 1))
            #expect([.inval, .wrongType, .symlink].contains(reply.status), "\(type)")
        }
    }

    @Test("who may not read is refused with the anonymous stateid: ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1], mode: 0o600)
        #expect(try await session.compound(.putFH(file), .read(count: 1), credential: .user).outcome == Outcome(.read, .access))
    }
}
