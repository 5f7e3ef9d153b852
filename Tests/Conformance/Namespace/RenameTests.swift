import NFSTestClient
import Testing

@Suite("RENAME (RFC 8881 §18.26)")
struct RenameTests {
    private func rename(
        _ session: TestSession, _ from: FileHandle, _ old: String, _ to: FileHandle, _ new: String, _ credential: Credential? = nil
    ) async throws -> CompoundReply {
        try await session.compound(.putFH(from), .saveFH, .putFH(to), .rename(old, to: new), credential: credential)
    }

    @Test("within a directory")
    func sameDirectory() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "old")
        #expect(try await rename(session, directory, "old", directory, "new").status == .ok)
        #expect(try await session.entries(directory).map(\.name) == [Array("new".utf8)])
        #expect(try await session.lookup(directory, "new") == file)
    }

    @Test("between directories, with the changes of both")
    func otherDirectory() async throws {
        let (session, directory) = try await newDirectory()
        let (a, b) = (try await session.makeDirectory(directory, "a"), try await session.makeDirectory(directory, "b"))
        let inner = try await session.makeDirectory(a, "inner")
        let before = (try await session.attributes(a, [.change]).change, try await session.attributes(b, [.change]).change)
        let info = try await rename(session, a, "inner", b, "moved").succeeded().renamed
        #expect(info.source.before == before.0)
        #expect(info.target.before == before.1)
        #expect(try await session.attributes(a, [.change]).change == info.source.after)
        #expect(try await session.attributes(b, [.change]).change == info.target.after)
        #expect(info.source.before != info.source.after)
        #expect(info.target.before != info.target.after)
        #expect(try await session.run(.putFH(inner), .lookupP, .getFH).fileHandle == b)
    }

    @Test("a file replaces a file, an empty directory an empty directory")
    func replace() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1])
        let replaced = try await session.makeFile(directory, "replaced", [2])
        #expect(try await rename(session, directory, "file", directory, "replaced").status == .ok)
        #expect(try await session.lookup(directory, "replaced") == file)
        #expect(try await session.compound(.putFH(replaced), .getAttr([.size])).status == .stale)
        let inner = try await session.makeDirectory(directory, "inner")
        _ = try await session.makeDirectory(directory, "empty")
        #expect(try await rename(session, directory, "inner", directory, "empty").status == .ok)
        #expect(try await session.lookup(directory, "empty") == inner)
    }

    @Test("onto itself, by one name or by two links, nothing happens")
    func ontoItself() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await rename(session, directory, "file", directory, "file").status == .ok)
        try await session.run(.putFH(file), .saveFH, .putFH(directory), .link("second"))
        #expect(try await rename(session, directory, "file", directory, "second").status == .ok)
        #expect(try await session.entries(directory).count == 2)
        #expect(try await session.attributes(file, [.numLinks]).numLinks == 2)
    }

    @Test("a file onto a directory and a directory onto a file are EXIST")
    func incompatible() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        _ = try await session.makeDirectory(directory, "directory")
        #expect(try await rename(session, directory, "file", directory, "directory").outcome == Outcome(.rename, .exist))
        #expect(try await rename(session, directory, "directory", directory, "file").outcome == Outcome(.rename, .exist))
    }

    @Test("onto a directory with entries is EXIST or NOTEMPTY")
    func notEmpty() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(try await session.makeDirectory(directory, "full"), "file")
        _ = try await session.makeDirectory(directory, "directory")
        let reply = try await rename(session, directory, "directory", directory, "full")
        #expect([.exist, .notEmpty].contains(reply.status))
    }

    @Test("a source that is not there is NOENT")
    func absent() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await rename(session, directory, "absent", directory, "new").outcome == Outcome(.rename, .noEnt))
    }

    @Test("a directory into itself is INVAL")
    func intoItself() async throws {
        let (session, directory) = try await newDirectory()
        let outer = try await session.makeDirectory(directory, "outer")
        let inner = try await session.makeDirectory(outer, "inner")
        #expect(try await rename(session, directory, "outer", inner, "below").outcome == Outcome(.rename, .inval))
    }

    @Test("from or to something that is no directory is NOTDIR")
    func notDirectory() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await rename(session, file, "x", directory, "new").outcome == Outcome(.rename, .notDir))
        #expect(try await rename(session, directory, "file", file, "new").outcome == Outcome(.rename, .notDir))
    }

    @Test("bad names are refused on both sides")
    func names() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        let expected: [(String, Status)] = [
            ("", .inval), (".", .badName), ("..", .badName), (String(repeating: "n", count: 256), .nameTooLong),
        ]
        for (name, status) in expected {
            #expect(try await rename(session, directory, "file", directory, name).outcome == Outcome(.rename, status))
            #expect(try await rename(session, directory, name, directory, "new").outcome == Outcome(.rename, status))
        }
    }

    @Test("to another file system is XDEV")
    func otherFileSystem() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        #expect([.xdev, .roFS].contains(try await rename(session, directory, "file", root, "file").status))
        #expect(try await session.entries(directory).count == 1)
    }

    @Test("without write permission on either side it is ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o755)
        _ = try await session.makeFile(closed, "file")
        _ = try await session.makeFile(directory, "file")
        #expect(try await rename(session, closed, "file", directory, "new", .user).outcome == Outcome(.rename, .access))
        #expect(try await rename(session, directory, "file", closed, "new", .user).outcome == Outcome(.rename, .access))
    }

    @Test("an open of the replaced file goes on until it is closed")
    func replaceOpen() async throws {
        let (session, directory) = try await newDirectory()
        let open = try await session.open(directory, "replaced")
        try await session.run(.putFH(open.handle), .write(open.stateID, [1, 2], .fileSync))
        _ = try await session.makeFile(directory, "file", [9])
        #expect(try await rename(session, directory, "file", directory, "replaced").status == .ok)
        #expect(try await session.read(open.handle, open.stateID) == [1, 2])
        try await session.close(open)
    }
}
