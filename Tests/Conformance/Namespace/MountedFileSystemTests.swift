import Glibc
import NFSTestClient
import Testing

/// Whether this process may mount an image, or has to.
let canMount =
    geteuid() == 0 && access("/dev/loop-control", F_OK) == 0 && access("/usr/sbin/mkfs.ext4", X_OK) == 0
    || getenv("CI").map { String(cString: $0) } == "true"
let needsMounts: Comment = "needs root, mkfs.ext4 and loop devices: install e2fsprogs"

@Suite("A file system mounted inside an export (RFC 8881 §7.7)", .serialized, .ownProcess, .enabled(if: canMount, needsMounts))
struct MountedFileSystemTests {
    /// Runs `body` with a server that exports a directory, in which there is `inside/mounted` with another file system on it.
    private func withMount(
        crossing: Bool, _ body: (_ server: ServerUnderTest, _ session: TestSession, _ inside: FileHandle) async throws -> Void
    ) async throws {
        let server = try await ServerUnderTest.start(
            ServerUnderTest.Settings(exportRules: crossing ? ["cross-mounts": "true"] : [:]))
        let place = "\(server.directory)/export/inside/mounted"
        let image = "\(server.directory)/image"
        let mount = "mkdir -p \(place) && touch \(place)/covered && truncate -s 16M \(image) && /usr/sbin/mkfs.ext4 -q \(image)"
        try #require(system("\(mount) && mount -o loop \(image) \(place) && chmod 777 \(place)") == 0)
        let session = try await server.session()
        let inside = try await session.lookup(path: server.exportPath + ["inside"])
        var failure: (any Error)?
        do { try await body(server, session, inside) } catch { failure = error }
        await server.kill()
        #expect(system("umount \(place)") == 0)
        if let failure { throw failure }
    }

    @Test("without cross-mounts the directory is listed, and ACCESS for whoever wants in")
    func refused() async throws {
        try await withMount(crossing: false) { _, session, inside in
            #expect(try await session.compound(.putFH(inside), .lookup("mounted")).outcome == Outcome(.lookup, .access))
            #expect(try await session.compound(.putFH(inside), .secInfo("mounted")).outcome == Outcome(.secInfo, .access))
            #expect(try await session.compound(.putFH(inside), .remove("mounted")).outcome == Outcome(.remove, .access))
            let listed = try await session.entries(inside, [.type, .rdattrError, .mountedOnFileID])
            #expect(listed.map(\.name) == [Array("mounted".utf8)])
            #expect(listed[0].attributes.uint32(.rdattrError) == Status.access.rawValue)
            #expect(listed[0].attributes.values.count == 2)
        }
    }

    @Test("with cross-mounts LOOKUP leads in and LOOKUPP out, and fsid and mounted_on_fileid tell so (§5.8.2.23)")
    func crossed() async throws {
        try await withMount(crossing: true) { _, session, inside in
            let wanted: AttributeSet = [.type, .fsid, .fileHandle, .fileID, .mountedOnFileID, .spaceTotal]
            let outer = try await session.attributes(inside, wanted)
            let mounted = try await session.lookup(inside, "mounted")
            let root = try await session.attributes(mounted, wanted)
            #expect(root.values[.fsid] != outer.values[.fsid])
            #expect(root.values[.spaceTotal] != outer.values[.spaceTotal])
            #expect(root.fileID == 2)
            #expect(root.uint64(.mountedOnFileID) != 2)
            #expect(outer.uint64(.mountedOnFileID) == outer.fileID)
            // READDIR tells the same, with all attributes and with no more than the entry knows.
            #expect(try await session.entries(inside, wanted).map(\.attributes) == [root])
            #expect(try await session.entries(inside, [.mountedOnFileID]).map(\.attributes) == [root.keeping(.mountedOnFileID)])
            #expect(try await session.run(.putFH(mounted), .lookupP, .getFH).fileHandle == inside)
            let below = try await session.makeDirectory(mounted, "below")
            #expect(try await session.run(.putFH(below), .lookupP, .getFH).fileHandle == mounted)
            #expect(try await session.attributes(below, [.fsid]).values[.fsid] == root.values[.fsid])
            let names = try await session.entries(mounted).map { String(decoding: $0.name, as: UTF8.self) }
            #expect(Set(names) == ["below", "lost+found"])
        }
    }

    @Test("names cannot be moved or linked across: XDEV; nor can what carries a mount be removed or renamed")
    func boundary() async throws {
        try await withMount(crossing: true) { _, session, inside in
            let mounted = try await session.lookup(inside, "mounted")
            let (outer, inner) = (try await session.makeFile(inside, "outer"), try await session.makeFile(mounted, "inner", [1, 2]))
            #expect(try await session.read(inner) == [1, 2])
            for (file, name, from, to) in [(outer, "outer", inside, mounted), (inner, "inner", mounted, inside)] {
                let rename = try await session.compound(.putFH(from), .saveFH, .putFH(to), .rename(name, to: "moved"))
                #expect(rename.outcome == Outcome(.rename, .xdev))
                #expect(try await session.compound(.putFH(file), .saveFH, .putFH(to), .link("linked")).outcome == Outcome(.link, .xdev))
            }
            #expect(try await session.compound(.putFH(inside), .remove("mounted")).outcome == Outcome(.remove, .access))
            let rename = try await session.compound(.putFH(inside), .saveFH, .rename("mounted", to: "elsewhere"))
            #expect(rename.outcome == Outcome(.rename, .access))
            #expect(try await session.compound(.putFH(inside), .create(.directory, "mounted")).outcome == Outcome(.create, .exist))
        }
    }

    @Test("filehandles of what is mounted live through a restart, before anybody has gone there by name")
    func restart() async throws {
        try await withMount(crossing: true) { server, session, inside in
            let mounted = try await session.lookup(inside, "mounted")
            let file = try await session.makeFile(mounted, "file", [7])
            let wanted: AttributeSet = [.fsid, .fileID, .mountedOnFileID, .size]
            let before = (try await session.attributes(mounted, wanted), try await session.attributes(file, wanted))
            try await server.restart()
            let after = try await server.session()
            #expect(try await after.attributes(file, wanted) == before.1)
            #expect(try await after.attributes(mounted, wanted) == before.0)
            #expect(try await after.run(.putFH(mounted), .lookupP, .getFH).fileHandle == inside)
            #expect(try await after.lookup(inside, "mounted") == mounted)
        }
    }
}
