import NFSTestClient
import Testing

@Suite("REMOVE (RFC 8881 §18.25)")
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

    @Test("in something that is no directory it is NOTDIR")
    func inFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await session.compound(.putFH(file), .remove("name")).outcome == Outcome(.remove, .notDir))
    }

    @Test("bad names are refused")
    func names() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .remove("")).outcome == Outcome(.remove, .inval))
        #expect(try await session.compound(.putFH(directory), .remove(".")).outcome == Outcome(.remove, .badName))
        #expect(try await session.compound(.putFH(directory), .remove("..")).outcome == Outcome(.remove, .badName))
        let long = String(repeating: "n", count: 256)
        #expect(try await session.compound(.putFH(directory), .remove(long)).outcome == Outcome(.remove, .nameTooLong))
    }

    @Test("without write permission it is ACCESS, and in a sticky directory another's file is refused")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        for mode in [UInt32(0o755), 0o1777] {
            let inner = try await session.makeDirectory(directory, "mode \(mode)", mode: mode)
            _ = try await session.makeFile(inner, "file")
            let reply = try await session.compound(.putFH(inner), .remove("file"), credential: .user)
            #expect([.access, .perm].contains(reply.status))
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
