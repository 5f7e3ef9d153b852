import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "SECINFO_NO_NAME (RFC 8881 §18.45)",
    .covers(
        .secInfoNoName,
        never: [
            .inval: "a style that is not defined is no value of its enumeration: BADXDR (§15.1.1.1)",
            .notSupp: "it is offered",
        ]))
struct SecInfoNoNameTests {
    private static let authSys: UInt32 = 1

    @Test("AUTH_SYS is offered in an export, and so in the pseudo file system that leads there")
    func currentHandle() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        for handle in [directory, file] {
            #expect(try await session.run(.putFH(handle), .secInfoNoName()).securityFlavors == [Self.authSys])
        }
        #expect(try await session.run(.putRootFH, .secInfoNoName()).securityFlavors == [Self.authSys])
    }

    @Test("the parent is that of LOOKUPP, also where that lies in the pseudo file system")
    func parent() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.run(.putFH(directory), .secInfoNoName(style: 1)).securityFlavors == [Self.authSys])
        let export = try await session.lookup(path: try await sharedServer().exportPath)
        #expect(try await session.run(.putFH(export), .secInfoNoName(style: 1)).securityFlavors == [Self.authSys])
    }

    @Test("the current filehandle is consumed (§2.6.3.1.1.8)", arguments: [0, 1] as [UInt32])
    func consumed(_ style: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .secInfoNoName(style: style), .getFH)
        #expect(reply.outcome == Outcome(.getFH, .noFileHandle))
    }

    @Test("the root has no parent: NOENT")
    func parentOfRoot() async throws {
        let reply = try await newSession().compound(.putRootFH, .secInfoNoName(style: 1))
        #expect(reply.outcome == Outcome(.secInfoNoName, .noEnt))
    }

    @Test("of what is no directory the parent is NOTDIR")
    func parentOfFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "."), "link"), .getFH).fileHandle
        for handle in [file, link] {
            let reply = try await session.compound(.putFH(handle), .secInfoNoName(style: 1))
            #expect(reply.outcome == Outcome(.secInfoNoName, .notDir))
        }
    }

    @Test("of a directory that was removed the parent is STALE")
    func parentOfRemoved() async throws {
        let (session, directory) = try await newDirectory()
        let inner = try await session.makeDirectory(directory, "inner")
        let reply = try await session.compound(
            .putFH(inner), .saveFH, .putFH(directory), .remove("inner"), .restoreFH, .secInfoNoName(style: 1))
        #expect(reply.outcome == Outcome(.secInfoNoName, .stale))
    }

    @Test("who may not go up gets ACCESS, as from LOOKUPP")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o700)
        let reply = try await session.compound(.putFH(closed), .secInfoNoName(style: 1), credential: .user)
        #expect(reply.outcome == Outcome(.secInfoNoName, .access))
    }

    @Test("a style that is not defined is BADXDR (§15.1.1.1)", arguments: [2, UInt32.max])
    func undefinedStyle(_ style: UInt32) async throws {
        let reply = try await newSession().compound(.putRootFH, .secInfoNoName(style: style))
        #expect(reply.outcome == Outcome(.secInfoNoName, .badXDR))
    }
}
