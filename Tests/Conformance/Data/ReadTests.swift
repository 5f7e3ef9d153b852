import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "READ (RFC 8881 §18.22)",
    .covers(
        .read,
        never: [
            .inval: "every offset and count has a meaning: beyond the end there is nothing, and eof (§18.22.3)",
            .openMode: "an open for writing alone can be read by (§9.1.2)",
            .pnfsIOHole: "the server is no data server", .pnfsNoLayout: "the server is no data server",
        ]))
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

    @Test("beyond the end there is nothing and eof", arguments: [10_000, 10_001, 1 << 40, (1 << 63) - 1, 1 << 63, .max] as [UInt64])
    func beyondEnd(_ offset: UInt64) async throws {
        let (session, file) = try await openFile()
        let result = try await session.run(.putFH(file.handle), .read(file.stateID, offset: offset, count: 100)).read
        #expect(result.data.isEmpty)
        #expect(result.eof)
    }

    @Test("a count of zero reads nothing, and eof tells whether the offset is at the end", arguments: [0, 9_999, 10_000, .max] as [UInt64])
    func zeroCount(_ offset: UInt64) async throws {
        let (session, file) = try await openFile()
        let result = try await session.run(.putFH(file.handle), .read(file.stateID, offset: offset, count: 0)).read
        #expect(result.data.isEmpty)
        #expect(result.eof == (offset >= 10_000))
    }

    @Test("no more than maxread comes at once, without eof as long as there is more")
    func maximumRead() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let attributes = try await session.run(.putFH(file.handle), .setAttr(.size(3 << 20), stateID: file.stateID), .getAttr([.maxRead]))
        let maximum = try #require(try attributes.attributes.uint64(.maxRead))
        let result = try await session.run(.putFH(file.handle), .read(file.stateID, offset: 1, count: .max)).read
        #expect(result.data.count == Int(maximum))
        #expect(!result.eof)
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

    @Test("by an open for writing alone it reads as well, for clients whose writes have to read (§9.1.2)")
    func writeOnly() async throws {
        let (session, file) = try await openFile(access: .write)
        let lock = try await session.lock(file)
        for stateID in [file.stateID, lock] {
            #expect(try await session.run(.putFH(file.handle), .read(stateID, count: 3)).read.data == Array(Self.content.prefix(3)))
        }
    }

    @Test("by an open for writing alone it is LOCKED when another open denies reading, whosever that is; its own does not (§9.1.2)")
    func writeOnlyAgainstDeny() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", access: .write)
        let denial = try await newSession().run(.putFH(file.handle), .open(.fileHandle, access: .write, deny: .read)).open.stateID
        #expect(try await session.compound(.putFH(file.handle), .read(file.stateID, count: 1)).outcome == Outcome(.read, .locked))
        #expect(denial.seqid == 1)
        let denying = try await session.open(directory, "second", access: .write, deny: .read)
        #expect(try await session.compound(.putFH(denying.handle), .read(denying.stateID, count: 1)).outcome == Outcome(.read, .ok))
    }

    @Test("by an open for writing alone it is ACCESS for who may not read, if it is not the file's owner")
    func writeOnlyWithoutPermission() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file", [1], mode: 0o602)
        let file = try await session.open(directory, "file", .noCreate, access: .write, credential: .user)
        let read = [Operation.putFH(file.handle), .read(file.stateID, count: 1)]
        #expect(try await session.compound(read, credential: .user).outcome == Outcome(.read, .access))
        let own = try await session.open(directory, "own", .guarded(.mode(0o200)), access: .write, credential: .user)
        let readOwn = [Operation.putFH(own.handle), .read(own.stateID, count: 1)]
        #expect(try await session.compound(readOwn, credential: .user).outcome == Outcome(.read, .ok))
    }

    @Test("another user of the client needs the right to read, whatever open it names (§18.16.4)")
    func otherUser() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", .guarded(.mode(0o640)), credential: .user)
        let read = [Operation.putFH(file.handle), .read(file.stateID, count: 1)]
        #expect(try await session.compound(read, credential: .otherUser).outcome == Outcome(.read, .access))
        let inGroup = Credential.sys(uid: 1001, gid: 1001, groups: [1000])
        #expect(try await session.compound(read, credential: inGroup).outcome == Outcome(.read, .ok))
    }

    @Test("the owner goes on with an open of its file after its mode and the owner's groups have changed")
    func ownerOverride() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", .guarded(.mode(0o600)), credential: .user)
        try await session.run(.putFH(file.handle), .setAttr(.mode(0)))
        for credential in [Credential.user, .sys(uid: 1000, gid: 7)] {
            let read = [Operation.putFH(file.handle), .read(file.stateID, count: 1)]
            #expect(try await session.compound(read, credential: credential).outcome == Outcome(.read, .ok))
        }
        #expect(
            try await session.compound(.putFH(file.handle), .read(count: 1), credential: .user).outcome == Outcome(.read, .access),
            "without an open there is nothing to go on with")
    }

    @Test("READ bypass reads against a denial that the anonymous stateid meets: LOCKED (§8.2.3)")
    func denied() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file", [1])
        let file = try await session.open(directory, "file", deny: .read)
        #expect(try await session.compound(.putFH(file.handle), .read(.anonymous, count: 1)).outcome == Outcome(.read, .locked))
        #expect(try await session.run(.putFH(file.handle), .read(.readBypass, count: 1)).read.data == [1])
    }

    @Test("a file that is open is read after its last name is gone; one that is not is STALE")
    func removed() async throws {
        let (session, directory) = try await newDirectory()
        let open = try await session.open(directory, "open")
        try await session.run(.putFH(open.handle), .write(open.stateID, [1, 2]), .putFH(directory), .remove("open"))
        #expect(try await session.run(.putFH(open.handle), .read(open.stateID, count: 9)).read.data == [1, 2])
        let closed = try await session.makeFile(directory, "closed")
        let reply = try await session.compound(.putFH(closed), .saveFH, .putFH(directory), .remove("closed"), .restoreFH, .read(count: 1))
        #expect(reply.outcome == Outcome(.read, .stale))
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

    @Test("a directory is ISDIR, a symbolic link SYMLINK, anything else WRONG_TYPE", .timeLimit(.minutes(1)))
    func notRegular() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .read(count: 1)).outcome == Outcome(.read, .isDir))
        let others: [(Operation.CreateType, Status)] = [(.symlink(to: "x"), .symlink), (.fifo, .wrongType), (.socket, .wrongType)]
        for (type, status) in others {
            let reply = try await session.compound(.putFH(directory), .create(type, "\(type)"), .read(count: 1))
            #expect(reply.outcome == Outcome(.read, status), "\(type)")
        }
    }

    @Test("who may not read is refused with the anonymous stateid: ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1], mode: 0o600)
        #expect(try await session.compound(.putFH(file), .read(count: 1), credential: .user).outcome == Outcome(.read, .access))
    }
}
