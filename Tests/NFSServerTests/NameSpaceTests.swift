import ConformanceRecord
import MemoryFileSystem
import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

@Suite("The name space over several exports (RFC 8881 §7)", .coversEveryOperation)
struct NameSpaceTests {
    private static let paths = ["/volumes/first", "/volumes/deep/second", "/third"]

    private static func entries(_ paths: [String] = paths) throws -> [NameSpace.Entry] {
        try paths.enumerated().map { NameSpace.Entry(pseudoPath: $1, fileSystem: try memoryFiles(UInt64($0) + 1)) }
    }

    private static func names(_ session: TestSession, _ path: String) async throws -> Set<String> {
        Set(try await session.entries(session.lookup(path)).map { String(decoding: $0.name, as: UTF8.self) })
    }

    @Test("each directory of the pseudo file system lists the next names of the paths below it, once")
    func listing() async throws {
        let session = try await InProcessServer.start(Self.entries()).session()
        #expect(try await Self.names(session, "/") == ["volumes", "third"])
        #expect(try await Self.names(session, "/volumes") == ["first", "deep"])
        #expect(try await Self.names(session, "/volumes/deep") == ["second"])
        #expect(try await Self.names(session, "/volumes/deep/second") == [])
        #expect(try await session.entries(session.lookup("/")).count == 2)
    }

    @Test("each export has an fsid of its own, and the directories that lead there share one")
    func fsids() async throws {
        let session = try await InProcessServer.start(Self.entries()).session()
        func fsid(_ path: String) async throws -> AttributeValue? {
            try await session.attributes(session.lookup(path), [.fsid]).values[.fsid]
        }
        var exports: Set<AttributeValue> = []
        for path in Self.paths { exports.insert(try #require(try await fsid(path))) }
        #expect(exports.count == Self.paths.count)
        let pseudo = try #require(try await fsid("/"))
        #expect(!exports.contains(pseudo))
        for path in ["/volumes", "/volumes/deep"] { #expect(try await fsid(path) == pseudo) }
    }

    @Test("LOOKUPP leads from an export's root to the directory above the one it covers, and inside it stays inside")
    func parents() async throws {
        let session = try await InProcessServer.start(Self.entries()).session()
        for (path, above) in [("/volumes/first", "/volumes"), ("/volumes/deep/second", "/volumes/deep"), ("/third", "/")] {
            let root = try await session.lookup(path)
            #expect(try await session.run(.putFH(root), .lookupP, .getFH).fileHandle == session.lookup(above))
            let inside = try await session.makeDirectory(root, "inside")
            #expect(try await session.run(.putFH(inside), .lookupP, .getFH).fileHandle == root)
        }
        #expect(try await session.compound(.putRootFH, .lookupP).outcome == Outcome(.lookupP, .noEnt))
    }

    @Test("the mounted_on_fileid of an export's root is that of the directory it covers, not its own (§5.8.2.19)")
    func mountedOn() async throws {
        let session = try await InProcessServer.start(Self.entries()).session()
        let root = try await session.attributes(session.lookup("/third"), [.fileID, .mountedOnFileID]).values
        let listed = try await session.entries(session.lookup("/"), [.mountedOnFileID])
        let entry = try #require(listed.first { $0.name == Array("third".utf8) })
        #expect(root[.mountedOnFileID] != root[.fileID])
        #expect(root[.mountedOnFileID] == entry.attributes.values[.mountedOnFileID])
    }

    @Test("an export at / is what PUTROOTFH stands for, with nothing above it")
    func rootExport() async throws {
        let session = try await InProcessServer.start(Self.entries(["/"])).session()
        let root = try await session.lookup("/")
        let file = try await session.makeFile(root, "file", [1])
        #expect(try await session.read(file) == [1])
        #expect(try await Self.names(session, "/") == ["file"])
        #expect(try await session.compound(.putRootFH, .lookupP).outcome == Outcome(.lookupP, .noEnt))
    }

    @Test("RENAME and LINK from one export into another are XDEV")
    func betweenExports() async throws {
        let session = try await InProcessServer.start(Self.entries()).session()
        let (first, third) = (try await session.lookup("/volumes/first"), try await session.lookup("/third"))
        let file = try await session.makeFile(first, "file")
        let rename = try await session.compound(.putFH(first), .saveFH, .putFH(third), .rename("file", to: "file"))
        #expect(rename.outcome == Outcome(.rename, .xdev))
        #expect(try await session.compound(.putFH(file), .saveFH, .putFH(third), .link("file")).outcome == Outcome(.link, .xdev))
    }

    @Test("filehandles and fsids are the same in a name space made anew, in another order and with more exports")
    func stable() async throws {
        let entries = try Self.entries()
        let before = try await InProcessServer.start(entries).session()
        let grown = [NameSpace.Entry(pseudoPath: "/new", fileSystem: try memoryFiles(9))] + entries.reversed()
        let after = try await InProcessServer.start(grown, instance: 2).session()
        for path in ["/", "/volumes", "/volumes/deep"] + Self.paths {
            let handle = try await before.lookup(path)
            #expect(try await after.lookup(path) == handle)
            let (fsid, again) = (try await before.attributes(handle, [.fsid]), try await after.attributes(handle, [.fsid]))
            #expect(fsid == again)
        }
        let file = try await before.makeFile(before.lookup("/third"), "file", [3])
        #expect(try await after.read(file) == [3])
    }

    @Test("a filehandle of an export that is gone or lies elsewhere now is STALE")
    func goneExport() async throws {
        let entries = try Self.entries()
        let handle = try await InProcessServer.start(entries).session().lookup("/third")
        let moved = NameSpace.Entry(pseudoPath: "/elsewhere", fileSystem: entries[2].fileSystem)
        for left in [Array(entries[..<2]), Array(entries[..<2]) + [moved]] {
            let session = try await InProcessServer.start(left, instance: 2).session()
            #expect(try await session.compound(.putFH(handle)).outcome == Outcome(.putFH, .stale))
        }
    }

    @Test("a cookie of the pseudo file system means the same after a restart with other exports")
    func cookies() async throws {
        let many = (1...6).map { "/export \($0)" }
        let before = try await InProcessServer.start(Self.entries(many)).session()
        let listed = try await before.entries(before.lookup("/"))
        #expect(Set(listed.map(\.cookie)).isDisjoint(with: [0, 1, 2]))
        let kept = many.filter { $0 != "/export 3" } + ["/new"]
        let after = try await InProcessServer.start(Self.entries(kept), instance: 2).session()
        let names = try await after.entries(after.lookup("/")).map(\.name)
        for (index, entry) in listed.enumerated() {
            let rest = try await after.run(.putRootFH, .readDir(cookie: entry.cookie)).entries.entries.map(\.name)
            // Of the old entries all that came behind, but for the one that is gone.
            let expected = listed[(index + 1)...].map(\.name).filter { names.contains($0) }
            #expect(rest.filter { $0 != Array("new".utf8) } == expected)
        }
    }

    @Test("an entry that is an export is listed with the attributes of the export's root, not of the directory it covers (§7.3)")
    func listedExports() async throws {
        let session = try await InProcessServer.start(Self.entries()).session()
        let wanted: AttributeSet = [.type, .change, .fsid, .fileHandle, .fileID, .mode, .mountedOnFileID, .rdattrError]
        for (directory, name) in [("/", "third"), ("/volumes", "first"), ("/", "volumes")] {
            let handle = try await session.lookup(directory)
            let entry = try #require(try await session.entries(handle, wanted).first { $0.name == Array(name.utf8) })
            let own = try await session.attributes(
                session.lookup(handle, name), [.type, .change, .fsid, .fileHandle, .fileID, .mode, .mountedOnFileID])
            #expect(entry.attributes.values.filter { $0.key != .rdattrError } == own.values)
        }
    }
}
