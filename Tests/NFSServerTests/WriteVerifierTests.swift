import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

@Suite("The write verifier (RFC 8881 §18.32.3)")
struct WriteVerifierTests {
    private let device: FailingDevice
    private let entries: [NameSpace.Entry]

    init() throws {
        device = FailingDevice(try memoryFiles())
        entries = [NameSpace.Entry(pseudoPath: "/export", fileSystem: device)]
    }

    private func file(_ session: TestSession) async throws -> OpenedFile { try await session.open(session.lookup("/export"), "file") }

    private func verifier(_ session: TestSession, _ file: OpenedFile, _ stable: StableHow = .unstable) async throws
        -> NFSTestClient.Verifier
    {
        try await session.run(.putFH(file.handle), .write(file.stateID, [1], stable)).wrote.verifier
    }

    @Test("stays the same while nothing is lost, and is the one COMMIT answers with")
    func constant() async throws {
        let session = try await InProcessServer.start(entries).session()
        let file = try await file(session)
        let first = try await verifier(session, file)
        #expect(try await session.run(.putFH(file.handle), .commit()).commitVerifier == first)
        #expect(try await verifier(session, file, .fileSync) == first)
        #expect(try await verifier(session, file) == first)
    }

    @Test("changes with the instance of the server")
    func instance() async throws {
        let before = try await InProcessServer.start(entries).session()
        let after = try await InProcessServer.start(entries, instance: 2).session()
        #expect(try await verifier(before, file(before)) != verifier(after, file(after)))
    }

    @Test(
        "changes when the device refuses to make data durable, so that all clients send again what they have not committed",
        arguments: [(NFSStatus.io, Status.io), (.nospc, .noSpc), (.dquot, .dQuot)])
    func failedCommit(_ failure: NFSStatus, _ status: Status) async throws {
        let server = await InProcessServer.start(entries)
        let (session, other) = (try await server.session(), try await server.session())
        let file = try await file(session)
        let first = try await verifier(session, file)
        device.fail(with: failure)
        #expect(try await other.compound(.putFH(file.handle), .commit()).outcome == Outcome(.commit, status))
        device.work()
        let second = try await verifier(session, file)
        #expect(second != first)
        #expect(try await session.run(.putFH(file.handle), .commit()).commitVerifier == second)
    }

    @Test("changes when a stable WRITE fails, which may have taken earlier data with it")
    func failedStableWrite() async throws {
        let session = try await InProcessServer.start(entries).session()
        let file = try await file(session)
        let first = try await verifier(session, file)
        device.fail(with: .io)
        let reply = try await session.compound(.putFH(file.handle), .write(file.stateID, [1], .fileSync))
        #expect(reply.outcome == Outcome(.write, .io))
        device.work()
        #expect(try await verifier(session, file) != first)
    }
}
