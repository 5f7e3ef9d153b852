import NFSTestClient
import Testing

@Suite("RECLAIM_COMPLETE (RFC 8881 §18.51)")
struct ReclaimCompleteTests {
    @Test("a second one is COMPLETE_ALREADY")
    func twice() async throws {
        let session = try await newSession(reclaimComplete: false)
        #expect(try await session.compound(.reclaimComplete()).status == .ok)
        #expect(try await session.compound(.reclaimComplete()).outcome == Outcome(.reclaimComplete, .completeAlready))
    }

    @Test("it is once for a client, not for a session")
    func oncePerClient() async throws {
        let session = try await newSession()
        let create = Operation.createSession(clientID: session.clientID, sequence: session.nextCreateSequence)
        let second = try await session.connection.compound(create).succeeded().session
        let reply = try await session.connection.compound(.sequence(second.id, sequence: 1), .reclaimComplete())
        #expect(reply.outcome == Outcome(.reclaimComplete, .completeAlready))
    }

    @Test("for one file system it needs a current filehandle and does not complete the client")
    func oneFileSystem() async throws {
        let session = try await newSession(reclaimComplete: false)
        #expect(try await session.compound(.reclaimComplete(oneFS: true)).outcome == Outcome(.reclaimComplete, .noFileHandle))
        #expect(try await session.compound(.putRootFH, .reclaimComplete(oneFS: true)).status == .ok)
        #expect(try await session.compound(.reclaimComplete()).status == .ok)
    }

    @Test("a new lock before it is GRACE (§18.51.3)")
    func openBefore() async throws {
        let (_, directory) = try await newDirectory()
        let session = try await newSession(reclaimComplete: false)
        let open = Operation.open(.null("file"), .unchecked(.none))
        #expect(try await session.compound(.putFH(directory), open).outcome == Outcome(.open, .grace))
        try await session.run(.reclaimComplete())
        #expect(try await session.compound(.putFH(directory), open).status == .ok)
    }
}
