import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "SAVEFH (RFC 8881 §18.28)",
    .covers(.saveFH, never: [.stale: "the file is not looked at: PUTFH did, and what works on it next does"]))
struct SaveFHTests {
    @Test("the current filehandle stays")
    func currentHandle() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.run(.putFH(directory), .saveFH, .getFH).fileHandle == directory)
    }

    @Test("the filehandle saved last is the one that counts")
    func twice() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(.putRootFH, .saveFH, .putFH(directory), .saveFH, .putRootFH, .restoreFH, .getFH)
        #expect(try reply.fileHandle == directory)
    }

    @Test("the stateid is saved with it (§16.2.3.1.2)")
    func currentStateID() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(
            .putFH(directory), .open(.null("file"), .unchecked(.none)), .saveFH, .putRootFH, .restoreFH, .write(.current, [7]))
        #expect(try reply.wrote.count == 1)
    }

    @Test("what is saved does not outlive its compound")
    func perCompound() async throws {
        let session = try await newSession()
        try await session.run(.putRootFH, .saveFH)
        #expect(try await session.compound(.restoreFH).outcome == Outcome(.restoreFH, .noFileHandle))
    }
}
