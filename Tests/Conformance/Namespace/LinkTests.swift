import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "LINK (RFC 8881 §18.9)",
    .covers(
        .link,
        never: [
            .fileOpen: "a file that is open gets another name like any other",
            .grace: "it takes nothing from a client that has yet to reclaim",
            .notSupp: "every file system served has hard links",
            .wrongSec: "what can be linked lies in one export, whose flavors the current filehandle was checked for",
            .wrongType: "there are no named attributes; every other type can be linked or has a status of its own",
        ]))
struct LinkTests {
    private func link(
        _ session: TestSession, _ source: FileHandle, _ directory: FileHandle, _ name: String, _ credential: Credential? = nil
    ) async throws -> CompoundReply {
        try await session.compound(.putFH(source), .saveFH, .putFH(directory), .link(name), credential: credential)
    }

    @Test("both names are one file")
    func link() async throws {
        let (session, directory) = try await newDirectory()
        let inner = try await session.makeDirectory(directory, "inner")
        let file = try await session.makeFile(directory, "file", [1])
        #expect(try await link(session, file, inner, "second").status == .ok)
        let attributes = try await session.attributes(try await session.lookup(inner, "second"), [.fileID, .numLinks])
        #expect(attributes.numLinks == 2)
        #expect(try await session.attributes(file, [.fileID]).fileID == attributes.fileID)
        try await session.run(.putFH(directory), .remove("file"))
        #expect(try await session.read(file) == [1])
    }

    @Test("the current filehandle stays the target directory")
    func currentHandle() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let reply = try await session.run(.putFH(file), .saveFH, .putFH(directory), .link("second"), .getFH)
        #expect(try reply.fileHandle == directory)
    }

    @Test("change_info is that of the target directory")
    func changeInfo() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let before = try await session.attributes(directory, [.change]).change
        let info = try await link(session, file, directory, "second").change
        #expect(info.before == before)
        #expect(try await session.attributes(directory, [.change]).change == info.after)
    }

    @Test("a name that is taken is EXIST, also by the same file")
    func exists() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        _ = try await session.makeDirectory(directory, "directory")
        for name in ["file", "directory"] {
            #expect(try await link(session, file, directory, name).outcome == Outcome(.link, .exist))
        }
    }

    @Test("a directory cannot have a second name: ISDIR")
    func ofDirectory() async throws {
        let (session, directory) = try await newDirectory()
        let inner = try await session.makeDirectory(directory, "inner")
        #expect(try await link(session, inner, directory, "second").outcome == Outcome(.link, .isDir))
    }

    @Test("a target that is no directory is NOTDIR, a symbolic link SYMLINK")
    func intoFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let symlink = try await session.run(.putFH(directory), .create(.symlink(to: "."), "symlink"), .getFH).fileHandle
        #expect(try await link(session, file, file, "second").outcome == Outcome(.link, .notDir))
        #expect(try await link(session, file, symlink, "second").outcome == Outcome(.link, .symlink))
    }

    @Test("files of every type but a directory can have a second name")
    func types() async throws {
        let (session, directory) = try await newDirectory()
        for (index, type) in [Operation.CreateType.symlink(to: "x"), .fifo, .device(.character, major: 1, minor: 3)].enumerated() {
            let file = try await session.run(.putFH(directory), .create(type, "first \(index)"), .getFH).fileHandle
            #expect(try await link(session, file, directory, "second \(index)").status == .ok)
            #expect(try await session.lookup(directory, "second \(index)") == file)
        }
    }

    @Test("an open file whose last name is gone is STALE")
    func gone() async throws {
        let (session, directory) = try await newDirectory()
        let open = try await session.open(directory, "file")
        try await session.run(.putFH(directory), .remove("file"))
        #expect(try await link(session, open.handle, directory, "second").outcome == Outcome(.link, .stale))
        try await session.close(open)
    }

    @Test("a retry links once and is answered the same")
    func retry() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        try await session.runAndRetry(.putFH(file), .saveFH, .putFH(directory), .link("second"))
        #expect(try await session.attributes(file, [.numLinks]).numLinks == 2)
    }

    @Test("a name no entry can have is refused", arguments: BadNames.all)
    func badName(_ name: String, _ status: Status) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await link(session, file, directory, name).outcome == Outcome(.link, status))
    }

    @Test("a target in another file system is XDEV")
    func otherFileSystem() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        #expect(try await link(session, file, root, "second").outcome == Outcome(.link, .xdev))
    }

    @Test("without write permission it is ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o755)
        let file = try await session.makeFile(directory, "file")
        #expect(try await link(session, file, closed, "second", .user).outcome == Outcome(.link, .access))
    }
}
