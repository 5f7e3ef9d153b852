import ConformanceRecord
import NFSTestClient
import Testing

@Suite("PUTROOTFH (RFC 8881 §18.21)", .covers(.putRootFH))
struct PutRootFHTests {
    @Test("the root is a directory")
    func root() async throws {
        let reply = try await newSession().run(.putRootFH, .getFH, .getAttr([.type, .mode, .fileID]))
        #expect(try reply.attributes.type == .directory)
        #expect(try !reply.fileHandle.bytes.isEmpty)
    }

    @Test("the handle of the root is always the same")
    func stable() async throws {
        let first = try await newSession().run(.putRootFH, .getFH).fileHandle
        #expect(try await newSession().run(.putRootFH, .getFH).fileHandle == first)
        #expect(try await newSession().run(.putFH(first), .getAttr([.type])).attributes.type == .directory)
    }

    @Test("an export can be reached from the root, name by name, and back (§7)")
    func pathToExport() async throws {
        let session = try await newSession()
        let path = try await sharedServer().exportPath
        let down = [Operation.putRootFH] + path.map { .lookup($0) }
        let up = Array(repeating: Operation.lookupP, count: path.count)
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        #expect(try await session.compound(down + up + [.getFH]).succeeded().fileHandle == root)
    }

    @Test("an export is another file system than the pseudo file system above it (§7.3)")
    func fileSystemBoundary() async throws {
        let session = try await newSession()
        let root = try await session.run(.putRootFH, .getAttr([.fsid, .mountedOnFileID])).attributes
        let handle = try await session.lookup(path: try await sharedServer().exportPath)
        let export = try await session.attributes(handle, [.fsid, .fileID])
        #expect(root.values[.fsid] != nil)
        #expect(root.values[.fsid] != export.values[.fsid])
    }

    @Test("READDIR of the pseudo file system shows the first name of the path to the export")
    func listing() async throws {
        let session = try await newSession()
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        let entries = try await session.entries(root, [.type, .fileID, .fsid, .fileHandle])
        let name = try #require(try await sharedServer().exportPath.first)
        let entry = try #require(entries.first { $0.name == Array(name.utf8) })
        #expect(entry.attributes.type == .directory)
        #expect(try await entry.attributes.fileHandle == session.lookup(root, name))
    }

    @Test("nothing can be changed in the pseudo file system")
    func readOnly() async throws {
        let session = try await newSession()
        let name = try #require(try await sharedServer().exportPath.first)
        let changes: [(OperationCode, Operation)] = [
            (.create, .create(.directory, "new")), (.remove, .remove(name)), (.open, .open(.null("new"), .unchecked(.none))),
            (.setAttr, .setAttr(.mode(0o700))),
        ]
        for (code, change) in changes {
            #expect(try await session.compound(.putRootFH, change).outcome == Outcome(code, .roFS))
        }
        let rename = try await session.compound(.putRootFH, .saveFH, .putRootFH, .rename(name, to: "new"))
        #expect(rename.outcome == Outcome(.rename, .roFS))
    }

    @Test("it clears the current stateid (§16.2.3.1.2)")
    func currentStateID() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(
            .putFH(directory), .open(.null("file"), .unchecked(.none)), .putRootFH, .saveFH, .putRootFH, .restoreFH, .close(.current))
        #expect(reply.outcome == Outcome(.close, .badStateID))
    }
}
