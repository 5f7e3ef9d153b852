import ConformanceRecord
import NFSTestClient
import Testing

@Suite("SECINFO (RFC 8881 §18.29)", .covers(.secInfo))
struct SecInfoTests {
    private static let authSys: UInt32 = 1

    @Test("in an export AUTH_SYS is offered, for names of any type")
    func name() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        _ = try await session.makeDirectory(directory, "directory")
        for name in ["file", "directory"] {
            #expect(try await session.run(.putFH(directory), .secInfo(name)).securityFlavors == [Self.authSys])
        }
    }

    @Test("the name of an export is asked for in the pseudo file system, and is answered for the export")
    func export() async throws {
        let path = try await sharedServer().exportPath
        let down = [Operation.putRootFH] + path.dropLast().map { .lookup($0) }
        let name = try #require(path.last)
        #expect(try await newSession().compound(down + [.secInfo(name)]).succeeded().securityFlavors == [Self.authSys])
    }

    @Test("the current filehandle is consumed (§2.6.3.1.1.8), unless it fails")
    func consumed() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        let reply = try await session.compound(.putFH(directory), .saveFH, .secInfo("file"), .getFH)
        #expect(reply.outcome == Outcome(.getFH, .noFileHandle))
        #expect(try await session.run(.putFH(directory), .saveFH, .secInfo("file"), .restoreFH, .getFH).fileHandle == directory)
    }

    @Test("a name that is not there is NOENT")
    func absent() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .secInfo("absent")).outcome == Outcome(.secInfo, .noEnt))
    }

    @Test("in something that is no directory it is NOTDIR, in a symbolic link too")
    func inFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "."), "link"), .getFH).fileHandle
        for handle in [file, link] {
            #expect(try await session.compound(.putFH(handle), .secInfo("x")).outcome == Outcome(.secInfo, .notDir))
        }
    }

    @Test("in a directory that was removed it is STALE")
    func inRemoved() async throws {
        let (session, directory) = try await newDirectory()
        let inner = try await session.makeDirectory(directory, "inner")
        let reply = try await session.compound(
            .putFH(inner), .saveFH, .putFH(directory), .remove("inner"), .restoreFH, .secInfo("name"))
        #expect(reply.outcome == Outcome(.secInfo, .stale))
    }

    @Test("who may not look the name up gets ACCESS, as from LOOKUP")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o700)
        _ = try await session.makeFile(closed, "file")
        let reply = try await session.compound(.putFH(closed), .secInfo("file"), credential: .user)
        #expect(reply.outcome == Outcome(.secInfo, .access))
    }

    @Test("a name no entry can have is refused", arguments: BadNames.all)
    func badName(_ name: String, _ status: Status) async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .secInfo(name)).outcome == Outcome(.secInfo, status))
    }
}
