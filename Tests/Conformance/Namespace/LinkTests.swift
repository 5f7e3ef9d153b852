import NFSTestClient
import Testing

@Suite("LINK (RFC 8881 §18.9)")
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

    @Test("a target that is no directory is NOTDIR")
    func intoFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await link(session, file, file, "second").outcome == Outcome(.link, .notDir))
    }

    @Test("bad names are refused")
    func names() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await link(session, file, directory, "").outcome == Outcome(.link, .inval))
        #expect(try await link(session, file, directory, "..").outcome == Outcome(.link, .badName))
        #expect(try await link(session, file, directory, String(repeating: "n", count: 256)).outcome == Outcome(.link, .nameTooLong))
    }

    @Test("a target in another file system is XDEV")
    func otherFileSystem() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        #expect([.xdev, .roFS].contains(try await link(session, file, root, "second").status))
    }

    @Test("without write permission it is ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o755)
        let file = try await session.makeFile(directory, "file")
        #expect(try await link(session, file, closed, "second", .user).outcome == Outcome(.link, .access))
    }
}
