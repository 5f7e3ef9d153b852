import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "RESTOREFH (RFC 8881 §18.27)",
    .covers(.restoreFH, never: [.stale: "the file is not looked at: PUTFH did, and what works on it next does"]))
struct RestoreFHTests {
    @Test("the saved filehandle comes back")
    func restore() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.run(.putFH(directory), .saveFH, .putRootFH, .restoreFH, .getFH).fileHandle == directory)
    }

    @Test("it can be repeated: the saved filehandle stays")
    func restoreTwice() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(.putFH(directory), .saveFH, .putRootFH, .restoreFH, .putRootFH, .restoreFH, .getFH)
        #expect(try reply.fileHandle == directory)
    }

    @Test("without a saved filehandle it is NOFILEHANDLE, which took the place of NFS4ERR_RESTOREFH (§15.1.16.4)")
    func restoreNothing() async throws {
        #expect(try await newSession().compound(.putRootFH, .restoreFH).outcome == Outcome(.restoreFH, .noFileHandle))
    }

    @Test("LINK and RENAME without a saved filehandle are NOFILEHANDLE", arguments: [.link, .rename] as [OperationCode])
    func needsSavedHandle(_ code: OperationCode) async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .sample(code)).outcome == Outcome(code, .noFileHandle))
    }

    @Test("with a filehandle that had no stateid, there is no current stateid (§16.2.3.1.2)")
    func noStateID() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let reply = try await session.compound(
            .putFH(file), .saveFH, .putFH(directory), .open(.null("file"), access: .both), .restoreFH, .read(.current, count: 1))
        #expect(reply.outcome == Outcome(.read, .badStateID))
    }
}
