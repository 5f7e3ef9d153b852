import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "LOOKUPP (RFC 8881 §18.14)", .covers(.lookupP, never: [.symlink: "§18.14.3 has NOTDIR for whatever is no directory"]))
struct LookupPTests {
    @Test("it leads to the parent directory")
    func parent() async throws {
        let (session, directory) = try await newDirectory()
        let inner = try await session.makeDirectory(directory, "inner")
        #expect(try await session.run(.putFH(inner), .lookupP, .getFH).fileHandle == directory)
    }

    @Test("the root has no parent: NOENT")
    func root() async throws {
        #expect(try await newSession().compound(.putRootFH, .lookupP).outcome == Outcome(.lookupP, .noEnt))
    }

    @Test("from a file it is NOTDIR")
    func file() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await session.compound(.putFH(file), .lookupP).outcome == Outcome(.lookupP, .notDir))
    }

    @Test("from a symbolic link it is NOTDIR")
    func symlink() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .create(.symlink(to: "x"), "link"), .lookupP)
        #expect(reply.outcome == Outcome(.lookupP, .notDir))
    }

    @Test("without search permission it is ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o700)
        let reply = try await session.compound(.putFH(closed), .lookupP, credential: .user)
        #expect(reply.outcome == Outcome(.lookupP, .access))
    }

    @Test("it goes up as often as one went down, out of the export to the root")
    func toTheTop() async throws {
        let (session, directory) = try await newDirectory()
        let depth = try await sharedServer().exportPath.count + 1
        let up = Array(repeating: Operation.lookupP, count: depth)
        let top = try await session.compound([.putFH(directory)] + up + [.getFH]).succeeded().fileHandle
        #expect(try await session.run(.putRootFH, .getFH).fileHandle == top)
        let reply = try await session.compound([.putFH(directory)] + up + [.lookupP])
        #expect(reply.outcome == Outcome(.lookupP, .noEnt))
    }

    @Test("it follows a directory that was moved")
    func moved() async throws {
        let (session, directory) = try await newDirectory()
        let (a, b) = (try await session.makeDirectory(directory, "a"), try await session.makeDirectory(directory, "b"))
        let inner = try await session.makeDirectory(a, "inner")
        try await session.run(.putFH(a), .saveFH, .putFH(b), .rename("inner", to: "inner"))
        #expect(try await session.run(.putFH(inner), .lookupP, .getFH).fileHandle == b)
    }
}
