import NFSTestClient
import Testing

@Suite("SAVEFH and RESTOREFH (RFC 8881 §18.28, §18.27)")
struct SavedFileHandleTests {
    @Test("the saved filehandle comes back")
    func restore() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.run(.putFH(directory), .saveFH, .putRootFH, .restoreFH, .getFH).fileHandle == directory)
    }

    @Test("RESTOREFH can be repeated: the saved filehandle stays")
    func restoreTwice() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(.putFH(directory), .saveFH, .putRootFH, .restoreFH, .putRootFH, .restoreFH, .getFH)
        #expect(try reply.fileHandle == directory)
    }

    @Test("the stateid is saved and restored with the filehandle (§16.2.3.1.2)")
    func currentStateID() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(
            .putFH(directory), .open(.null("file"), .unchecked(.none)), .saveFH, .putRootFH, .restoreFH, .write(.current, [7]))
        #expect(try reply.wrote.count == 1)
    }

    @Test("without a current filehandle SAVEFH is NOFILEHANDLE")
    func saveNothing() async throws {
        #expect(try await newSession().compound(.saveFH).outcome == Outcome(.saveFH, .noFileHandle))
    }

    @Test("without a saved filehandle RESTOREFH is NOFILEHANDLE")
    func restoreNothing() async throws {
        #expect(try await newSession().compound(.putRootFH, .restoreFH).outcome == Outcome(.restoreFH, .noFileHandle))
    }

    @Test("the saved filehandle does not outlive its compound")
    func perCompound() async throws {
        let session = try await newSession()
        try await session.run(.putRootFH, .saveFH)
        #expect(try await session.compound(.restoreFH).outcome == Outcome(.restoreFH, .noFileHandle))
    }

    @Test(
        "operations on the current filehandle are NOFILEHANDLE without one",
        arguments: [
            .access, .close, .commit, .create, .getAttr, .getFH, .link, .lock, .lockT, .lockU, .lookup, .lookupP, .nVerify, .open,
            .openDowngrade, .read, .readDir, .readLink, .remove, .rename, .saveFH, .secInfo, .secInfoNoName, .setAttr, .verify, .write,
        ] as [OperationCode])
    func needsHandle(_ code: OperationCode) async throws {
        #expect(try await newSession().compound(.sample(code)).outcome == Outcome(code, .noFileHandle))
    }

    @Test("LINK and RENAME without a saved filehandle are NOFILEHANDLE", arguments: [.link, .rename] as [OperationCode])
    func needsSavedHandle(_ code: OperationCode) async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .sample(code)).outcome == Outcome(code, .noFileHandle))
    }
}
