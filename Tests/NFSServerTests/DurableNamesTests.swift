import ConformanceRecord
import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

@Suite("Changes of names that have to be on stable storage", .covers(.create, .open, .remove, .rename))
struct DurableNamesTests {
    private let device: FailingDevice
    private let server: InProcessServer

    init() async throws {
        device = FailingDevice(try memoryFiles())
        server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/export", fileSystem: device)])
    }

    @Test("are answered with what the flush failed with, and nothing behind them is run")
    func failure() async throws {
        let session = try await server.session()
        let directory = try await session.lookup("/export")
        _ = try await session.open(directory, "file")
        device.fail(with: .io)
        let changes: [(Operation, NFSTestClient.OperationCode)] = [
            (.remove("file"), .remove), (.create(.directory, "made"), .create), (.open(.null("new"), .unchecked(.none)), .open),
        ]
        for (change, code) in changes {
            let reply = try await session.compound(.putFH(directory), change, .putRootFH, .getFH)
            #expect(reply.outcome == Outcome(code, .io))
        }
        let rename: [Operation] = [.putFH(directory), .saveFH, .rename("made", to: "moved"), .getFH]
        #expect(try await session.compound(rename).outcome == Outcome(.rename, .io))
        device.work()
        // The device is to blame: what was done is done.
        let names = try await session.entries(directory).map { String(decoding: $0.name, as: UTF8.self) }
        #expect(Set(names) == ["moved", "new"])
    }

    @Test("are answered, and what follows is run, when the flush went well")
    func success() async throws {
        let session = try await server.session()
        let directory = try await session.lookup("/export")
        let made = try await session.run(.putFH(directory), .create(.directory, "made"), .getFH)
        #expect(try await session.lookup("/export/made") == made.fileHandle)
        try await session.run(.putFH(directory), .saveFH, .rename("made", to: "moved"), .remove("moved"), .getFH)
        #expect(try await session.entries(directory).isEmpty)
    }
}
