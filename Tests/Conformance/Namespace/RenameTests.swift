import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "RENAME (RFC 8881 §18.26)",
    .covers(
        .rename,
        never: [
            .notEmpty: "§18.26.3 has EXIST for a target directory that is not empty",
            .wrongSec: "source and target lie in one export, whose flavors the current filehandle was checked for",
        ]))
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
        try await session.run(.putFH(file), .saveFH, .putFH(directory), .link("second"))
        let inner = try await session.makeDirectory(directory, "inner")
        try await session.run(.putFH(file), .saveFH, .putFH(inner), .link("third"))
        for (target, name) in [(directory, "file"), (directory, "second"), (inner, "third")] {
            let before = (try await session.attributes(directory, [.change]).change, try await session.attributes(target, [.change]).change)
            let info = try await rename(session, directory, "file", target, name).succeeded().renamed
            #expect(info.source.atomic && info.target.atomic)
            #expect((info.source.before, info.target.before) == (before.0 ?? 0, before.1 ?? 0))
            #expect((info.source.after, info.target.after) == (before.0 ?? 0, before.1 ?? 0))
            #expect(try await session.attributes(directory, [.change]).change == before.0)
        }
        #expect(try await session.entries(directory).count == 3)
        #expect(try await session.attributes(file, [.numLinks]).numLinks == 3)
    }

    @Test("a file onto a directory and a directory onto a file are EXIST")
    func incompatible() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        _ = try await session.makeDirectory(directory, "directory")
        #expect(try await rename(session, directory, "file", directory, "directory").outcome == Outcome(.rename, .exist))
        #expect(try await rename(session, directory, "directory", directory, "file").outcome == Outcome(.rename, .exist))
    }

    @Test("onto a directory with entries is EXIST")
    func notEmpty() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(try await session.makeDirectory(directory, "full"), "file")
        _ = try await session.makeDirectory(directory, "directory")
        let reply = try await rename(session, directory, "directory", directory, "full")
        #expect(reply.outcome == Outcome(.rename, .exist))
    }

    @Test("a source that is not there is NOENT")
    func absent() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await rename(session, directory, "absent", directory, "new").outcome == Outcome(.rename, .noEnt))
    }

    @Test("a directory into itself, or what is below, is INVAL")
    func intoItself() async throws {
        let (session, directory) = try await newDirectory()
        let outer = try await session.makeDirectory(directory, "outer")
        let inner = try await session.makeDirectory(outer, "inner")
        #expect(try await rename(session, directory, "outer", outer, "below").outcome == Outcome(.rename, .inval))
        #expect(try await rename(session, directory, "outer", inner, "below").outcome == Outcome(.rename, .inval))
    }

    @Test("from or to something that is no directory is NOTDIR, a symbolic link too")
    func notDirectory() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "."), "link"), .getFH).fileHandle
        for handle in [file, link] {
            #expect(try await rename(session, handle, "x", directory, "new").outcome == Outcome(.rename, .notDir))
            #expect(try await rename(session, directory, "file", handle, "new").outcome == Outcome(.rename, .notDir))
        }
    }

    @Test("the current filehandle stays the target directory, the saved one the source")
    func handles() async throws {
        let (session, directory) = try await newDirectory()
        let inner = try await session.makeDirectory(directory, "inner")
        _ = try await session.makeFile(directory, "file")
        let move = [Operation.putFH(directory), .saveFH, .putFH(inner), .rename("file", to: "moved"), .getFH]
        #expect(try await session.compound(move).succeeded().fileHandle == inner)
        let back = [Operation.putFH(inner), .saveFH, .putFH(directory), .rename("moved", to: "file"), .restoreFH, .getFH]
        #expect(try await session.compound(back).succeeded().fileHandle == inner)
    }

    @Test("onto a file opened by somebody who denies others to write is FILE_OPEN (§18.25.4); such a file itself can be renamed")
    func deniedByOpen() async throws {
        let (session, directory) = try await newDirectory()
        let open = try await session.open(directory, "open", deny: .write)
        _ = try await session.makeFile(directory, "file")
        #expect(try await rename(session, directory, "file", directory, "open").outcome == Outcome(.rename, .fileOpen))
        #expect(try await rename(session, directory, "open", directory, "other").status == .ok)
        try await session.close(open)
        #expect(try await rename(session, directory, "file", directory, "other").status == .ok)
    }

    @Test("in a sticky directory another's file is ACCESS, as source and as target")
    func sticky() async throws {
        let (session, directory) = try await newDirectory()
        let shared = try await session.makeDirectory(directory, "shared", mode: 0o1777)
        _ = try await session.makeFile(shared, "of root")
        _ = try await session.open(shared, "of user", credential: .user)
        #expect(try await rename(session, shared, "of root", shared, "new", .user).outcome == Outcome(.rename, .access))
        #expect(try await rename(session, shared, "of user", shared, "of root", .user).outcome == Outcome(.rename, .access))
    }

    @Test("a retry renames once and is answered the same")
    func retry() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "old")
        try await session.runAndRetry(.putFH(directory), .saveFH, .rename("old", to: "new"))
        #expect(try await session.entries(directory).map(\.name) == [Array("new".utf8)])
    }

    @Test("a name no entry can have is refused on both sides", arguments: BadNames.all)
    func badName(_ name: String, _ status: Status) async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        #expect(try await rename(session, directory, "file", directory, name).outcome == Outcome(.rename, status))
        #expect(try await rename(session, directory, name, directory, "new").outcome == Outcome(.rename, status))
    }

    @Test("to another file system is XDEV")
    func otherFileSystem() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        #expect(try await rename(session, directory, "file", root, "file").outcome == Outcome(.rename, .xdev))
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
