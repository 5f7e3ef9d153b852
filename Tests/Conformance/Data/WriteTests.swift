import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "WRITE (RFC 8881 §18.32)",
    .covers(
        .write,
        never: [
            .inval: "every offset has a meaning: where no file reaches it is NFS4ERR_FBIG",
            .pnfsIOHole: "the server is no data server", .pnfsNoLayout: "the server is no data server",
        ]))
struct WriteTests {
    private func openFile(access: Share = .both) async throws -> (TestSession, OpenedFile) {
        let (session, directory) = try await newDirectory()
        return (session, try await session.open(directory, "file", access: access))
    }

    @Test("data of any length is written, whatever padding it needs", arguments: [0, 1, 2, 3, 4, 5, 1023, 65_537])
    func lengths(_ length: Int) async throws {
        let (session, file) = try await openFile()
        let data = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let written = try await session.run(.putFH(file.handle), .write(file.stateID, data)).wrote
        #expect(written.count == UInt32(length))
        #expect(try await session.attributes(file.handle, [.size]).size == UInt64(length))
        #expect(try await session.read(file.handle, file.stateID, count: 100_000) == data)
    }

    @Test("the data is at least as stable as asked (§18.32.3)", arguments: [StableHow.unstable, .dataSync, .fileSync])
    func stability(_ stable: StableHow) async throws {
        let (session, file) = try await openFile()
        let written = try await session.run(.putFH(file.handle), .write(file.stateID, [1, 2], stable)).wrote
        #expect(written.committed >= stable)
    }

    @Test("an undefined stability is BADXDR")
    func undefinedStability() async throws {
        let (session, file) = try await openFile()
        var write = Operation.write(file.stateID, [1])
        write.arguments.replaceSubrange(24..<28, with: [0, 0, 0, 3])
        #expect(try await session.compound(.putFH(file.handle), write).outcome == Outcome(.write, .badXDR))
    }

    @Test("writing inside, over the end and beyond the end")
    func offsets() async throws {
        let (session, file) = try await openFile()
        try await session.run(
            .putFH(file.handle), .write(file.stateID, [1, 2, 3, 4]), .write(file.stateID, offset: 1, [9]),
            .write(file.stateID, offset: 3, [8, 8]), .write(file.stateID, offset: 7, [7]))
        #expect(try await session.read(file.handle, file.stateID) == [1, 9, 3, 8, 8, 0, 0, 7])
    }

    @Test("no data changes nothing, wherever it is written (§18.32.3)", arguments: [0, 1000, 1 << 63, .max] as [UInt64])
    func nothing(_ offset: UInt64) async throws {
        let (session, file) = try await openFile()
        try await session.run(.putFH(file.handle), .write(file.stateID, [1]))
        let before = try await session.attributes(file.handle, [.size, .change, .timeModify])
        for stable in [StableHow.unstable, .dataSync, .fileSync] {
            #expect(try await session.run(.putFH(file.handle), .write(file.stateID, offset: offset, [], stable)).wrote.count == 0)
        }
        #expect(try await session.attributes(file.handle, [.size, .change, .timeModify]) == before)
    }

    @Test("no data needs the right to write all the same (§18.32.3)")
    func nothingWithoutPermission() async throws {
        let (session, file) = try await openFile(access: .read)
        #expect(try await session.compound(.putFH(file.handle), .write(file.stateID, [])).outcome == Outcome(.write, .openMode))
        try await session.run(.putFH(file.handle), .setAttr(.mode(0o644)))
        let anonymous = try await session.compound(.putFH(file.handle), .write(.anonymous, []), credential: .user)
        #expect(anonymous.outcome == Outcome(.write, .access))
    }

    @Test("data where no file can be is FBIG", arguments: [(1 << 63) - 1, 1 << 63, .max - 1, .max] as [UInt64])
    func hugeOffset(_ offset: UInt64) async throws {
        let (session, file) = try await openFile()
        for stable in [StableHow.unstable, .fileSync] {
            let reply = try await session.compound(.putFH(file.handle), .write(file.stateID, offset: offset, [1, 2], stable))
            #expect(reply.outcome == Outcome(.write, .fBig))
        }
        #expect(try await session.attributes(file.handle, [.size]).size == 0)
    }

    @Test("at maxfilesize it is FBIG")
    func maximumFileSize() async throws {
        let (session, file) = try await openFile()
        let maximum = try #require(try await session.attributes(file.handle, [.maxFileSize]).uint64(.maxFileSize))
        let reply = try await session.compound(.putFH(file.handle), .write(file.stateID, offset: maximum, [1]))
        #expect(reply.outcome == Outcome(.write, .fBig))
    }

    @Test("each moves change, also twice in one tick of the clock")
    func change() async throws {
        let (session, file) = try await openFile()
        var changes: [UInt64?] = []
        for _ in 0..<20 {
            let reply = try await session.run(.putFH(file.handle), .write(file.stateID, [1]), .getAttr([.change]))
            changes.append(try reply.attributes.change)
        }
        #expect(Set(changes).count == 20)
    }

    @Test("an open for reading only is OPENMODE (§9.1.2)")
    func readOnly() async throws {
        let (session, file) = try await openFile(access: .read)
        #expect(try await session.compound(.putFH(file.handle), .write(file.stateID, [1])).outcome == Outcome(.write, .openMode))
        #expect(try await session.attributes(file.handle, [.size]).size == 0)
    }

    @Test(
        "the anonymous stateid writes without an open, READ bypass is taken as anonymous (§8.2.3)",
        arguments: [StateID.anonymous, .readBypass])
    func special(_ stateID: StateID) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        try await session.run(.putFH(file), .write(stateID, [4, 2]))
        #expect(try await session.read(file) == [4, 2])
    }

    @Test("neither special stateid writes against a denial: LOCKED (§8.2.3)", arguments: [StateID.anonymous, .readBypass])
    func denied(_ stateID: StateID) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", deny: .write)
        #expect(try await session.compound(.putFH(file.handle), .write(stateID, [1])).outcome == Outcome(.write, .locked))
        #expect(try await session.attributes(file.handle, [.size]).size == 0)
    }

    @Test("a lock stateid writes as the open it came from")
    func lockStateID() async throws {
        let (session, file) = try await openFile()
        let lock = try await session.lock(file)
        try await session.run(.putFH(file.handle), .write(lock, [4, 2]))
        #expect(try await session.read(file.handle, lock) == [4, 2])
    }

    @Test("bad stateids are BAD_STATEID and write nothing")
    func badStateID() async throws {
        let (session, file) = try await openFile()
        let others = try await newSession().run(.putFH(file.handle), .open(.fileHandle)).open.stateID
        let unknown = StateID(seqid: 1, other: Array(repeating: 0x13, count: 12))
        for stateID in [unknown, .invalid, others, file.stateID.with(seqid: 7)] {
            #expect(try await session.compound(.putFH(file.handle), .write(stateID, [1])).outcome == Outcome(.write, .badStateID))
        }
        #expect(try await session.attributes(file.handle, [.size]).size == 0)
    }

    @Test("a stateid from before an upgrade is OLD_STATEID, with seqid 0 it is the latest (§8.2.2)")
    func oldStateID() async throws {
        let (session, file) = try await openFile(access: .read)
        try await session.run(.putFH(file.handle), .open(.fileHandle, access: .write))
        #expect(try await session.compound(.putFH(file.handle), .write(file.stateID, [1])).outcome == Outcome(.write, .oldStateID))
        #expect(try await session.compound(.putFH(file.handle), .write(file.stateID.with(seqid: 0), [1])).outcome == Outcome(.write, .ok))
    }

    @Test("a file that is open is written after its last name is gone; one that is not is STALE")
    func removed() async throws {
        let (session, directory) = try await newDirectory()
        let open = try await session.open(directory, "open")
        try await session.run(.putFH(directory), .remove("open"))
        try await session.run(.putFH(open.handle), .write(open.stateID, [1, 2], .fileSync), .commit())
        #expect(try await session.read(open.handle, open.stateID) == [1, 2])
        let closed = try await session.makeFile(directory, "closed")
        let reply = try await session.compound(
            .putFH(closed), .saveFH, .putFH(directory), .remove("closed"), .restoreFH, .write(.anonymous, [1]))
        #expect(reply.outcome == Outcome(.write, .stale))
    }

    @Test("a directory is ISDIR, a symbolic link SYMLINK, anything else WRONG_TYPE", .timeLimit(.minutes(1)))
    func notRegular() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .write(.anonymous, [1])).outcome == Outcome(.write, .isDir))
        let others: [(Operation.CreateType, Status)] = [(.symlink(to: "x"), .symlink), (.fifo, .wrongType), (.socket, .wrongType)]
        for (type, status) in others {
            let reply = try await session.compound(.putFH(directory), .create(type, "\(type)"), .write(.anonymous, [1]))
            #expect(reply.outcome == Outcome(.write, status), "\(type)")
        }
    }

    @Test("another user of the client needs the right to write, whatever open it names (§18.16.4)")
    func otherUser() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", .guarded(.mode(0o644)), credential: .user)
        let write = [Operation.putFH(file.handle), .write(file.stateID, [1])]
        #expect(try await session.compound(write, credential: .otherUser).outcome == Outcome(.write, .access))
        #expect(try await session.attributes(file.handle, [.size]).size == 0)
        #expect(try await session.compound(write, credential: .root).outcome == Outcome(.write, .ok))
    }

    @Test("the maker of a file writes it by its own open, whatever its mode")
    func makerMayWrite() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", .guarded(.mode(0o400)), credential: .user)
        for credential in [Credential.user, .sys(uid: 1000, gid: 7)] {
            let write = [Operation.putFH(file.handle), .write(file.stateID, [1])]
            #expect(try await session.compound(write, credential: credential).outcome == Outcome(.write, .ok))
        }
    }

    @Test("who may not write is refused with the anonymous stateid: ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", mode: 0o644)
        let reply = try await session.compound(.putFH(file), .write(.anonymous, [1]), credential: .user)
        #expect(reply.outcome == Outcome(.write, .access))
    }

    @Test("an open keeps the right to write that it was given, whatever the mode becomes")
    func modeChanges() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", .guarded(.mode(0o600)), credential: .user)
        try await session.run(.putFH(file.handle), .setAttr(.mode(0)))
        let write = [Operation.putFH(file.handle), .write(file.stateID, [1], .fileSync)]
        #expect(try await session.compound(write, credential: .user).status == .ok)
    }

    @Test("a write takes away set-user-ID, as on a local file system")
    func clearsSetUID() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        try await session.run(.putFH(file), .setAttr(.mode(0o6777)))
        let write = [Operation.putFH(file), .write(.anonymous, [1], .fileSync)]
        #expect(try await session.compound(write, credential: .user).status == .ok)
        #expect(try await session.attributes(file, [.mode]).mode == 0o777)
    }

    @Test("a megabyte in one request is written in one piece or in part, and can be read back")
    func large() async throws {
        let (session, file) = try await openFile()
        let data = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ $0 >> 8) }
        var offset = 0
        while offset < data.count {
            let write = Operation.write(file.stateID, offset: UInt64(offset), Array(data[offset...]))
            let count = Int(try await session.run(.putFH(file.handle), write).wrote.count)
            #expect(count > 0)
            offset += max(1, count)
        }
        var read: [UInt8] = []
        while read.count < data.count {
            let part = try await session.run(.putFH(file.handle), .read(file.stateID, offset: UInt64(read.count), count: 1 << 20)).read
            #expect(!part.data.isEmpty)
            if part.data.isEmpty { break }
            read += part.data
        }
        #expect(read == data)
    }
}
