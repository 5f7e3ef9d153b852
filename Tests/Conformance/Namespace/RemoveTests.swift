import ConformanceRecord
import NFSTestClient
import Testing

@Suite("REMOVE (RFC 8881 §18.25)", .covers(.remove))
struct RemoveTests {
    @Test("files, links and empty directories are removed")
    func remove() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        _ = try await session.makeDirectory(directory, "directory")
        try await session.run(.putFH(directory), .create(.symlink(to: "file"), "link"))
        for name in ["link", "file", "directory"] {
            try await session.run(.putFH(directory), .remove(name))
            #expect(try await session.compound(.putFH(directory), .lookup(name)).status == .noEnt)
        }
        #expect(try await session.entries(directory).isEmpty)
    }

    @Test("change_info spans the change of the directory")
    func changeInfo() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        let before = try await session.attributes(directory, [.change]).change
        let info = try await session.run(.putFH(directory), .remove("file")).change
        #expect(info.before == before)
        #expect(info.before != info.after)
        #expect(try await session.attributes(directory, [.change]).change == info.after)
    }

    @Test("a directory with entries is NOTEMPTY")
    func notEmpty() async throws {
        let (session, directory) = try await newDirectory()
        let inner = try await session.makeDirectory(directory, "inner")
        _ = try await session.makeFile(inner, "file")
        #expect(try await session.compound(.putFH(directory), .remove("inner")).outcome == Outcome(.remove, .notEmpty))
    }

    @Test("a name that is not there is NOENT")
    func absent() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .remove("absent")).outcome == Outcome(.remove, .noEnt))
    }

    @Test("in something that is no directory it is NOTDIR, in a symbolic link too")
    func inFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "."), "link"), .getFH).fileHandle
        for handle in [file, link] {
            #expect(try await session.compound(.putFH(handle), .remove("name")).outcome == Outcome(.remove, .notDir))
        }
    }

    @Test("a name no entry can have is refused", arguments: BadNames.all)
    func badName(_ name: String, _ status: Status) async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .remove(name)).outcome == Outcome(.remove, status))
    }

    @Test("the current filehandle stays the directory")
    func currentHandle() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        #expect(try await session.run(.putFH(directory), .remove("file"), .getFH).fileHandle == directory)
    }

    @Test(
        "a file opened by somebody who denies others to write is FILE_OPEN until it is closed (§18.25.4)", arguments: [Share.write, .both])
    func deniedByOpen(_ deny: Share) async throws {
        let (session, directory) = try await newDirectory()
        let open = try await session.open(directory, "file", deny: deny)
        #expect(try await newSession().compound(.putFH(directory), .remove("file")).outcome == Outcome(.remove, .fileOpen))
        #expect(try await session.compound(.putFH(directory), .remove("file")).outcome == Outcome(.remove, .fileOpen))
        try await session.close(open)
        #expect(try await session.compound(.putFH(directory), .remove("file")).status == .ok)
    }

    @Test("a retry removes once and is answered the same")
    func retry() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        try await session.runAndRetry(.putFH(directory), .remove("file"))
    }

    @Test("without write permission it is ACCESS, and in a sticky directory another's file is refused")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        for mode in [UInt32(0o755), 0o1777] {
            let inner = try await session.makeDirectory(directory, "mode \(mode)", mode: mode)
            _ = try await session.makeFile(inner, "file")
            let reply = try await session.compound(.putFH(inner), .remove("file"), credential: .user)
            #expect(reply.outcome == Outcome(.remove, .access))
        }
    }

    @Test("an open file is removed and can be read through its open until it is closed")
    func openFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        try await session.run(.putFH(file.handle), .write(file.stateID, [1, 2, 3], .fileSync))
        try await session.run(.putFH(directory), .remove("file"))
        #expect(try await session.read(file.handle, file.stateID) == [1, 2, 3])
        try await session.close(file)
        #expect(try await session.compound(.putFH(file.handle), .getAttr([.size])).status == .stale)
    }
}
