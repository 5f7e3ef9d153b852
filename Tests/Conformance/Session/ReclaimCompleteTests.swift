import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "RECLAIM_COMPLETE (RFC 8881 §18.51)",
    .covers(
        .reclaimComplete,
        never: [
            .inval: "its argument is a boolean",
            .stale: "the file is not looked at: PUTFH did",
            .wrongType: "any object stands for its file system",
        ]))
struct ReclaimCompleteTests {
    @Test("a second one is COMPLETE_ALREADY")
    func twice() async throws {
        let session = try await newSession(reclaimComplete: false)
        #expect(try await session.compound(.reclaimComplete()).status == .ok)
        #expect(try await session.compound(.reclaimComplete()).outcome == Outcome(.reclaimComplete, .completeAlready))
    }

    @Test("a retry is answered from the cache, not with COMPLETE_ALREADY (§18.51.4)")
    func replay() async throws {
        let session = try await newSession(reclaimComplete: false)
        let request = [await session.nextSequence(cacheThis: true), .reclaimComplete()]
        let first = try await session.connection.compound(request).succeeded()
        #expect(try await session.connection.compound(request).bytes == first.bytes)
    }

    @Test("for one file system it may be sent again and again, since no file system moves", arguments: [true, false])
    func oneFileSystemAgain(_ completed: Bool) async throws {
        let (_, directory) = try await newDirectory()
        let session = try await newSession(reclaimComplete: completed)
        for _ in 0..<2 { #expect(try await session.compound(.putFH(directory), .reclaimComplete(oneFS: true)).status == .ok) }
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
