import Glibc
import NFSTestClient
import Testing

/// The server ends itself at each named point of what it does to its record of clients (docs/RECOVERY.md), and the next instance
/// readmits exactly those who may.
@Suite("The server dies at a crash point (RFC 8881 §8.4.2.1)", .ownProcess, .timeLimit(.minutes(3)))
struct CrashPointTests {
    @Test("when an instance begins: all who held something may reclaim", arguments: ["torn", "written", "durable"])
    func begin(_ step: String) async throws {
        var scene = try await RecoveryScene(["a", "b"])
        await scene.server.kill()
        #expect(try await !scene.server.start(crashingAt: "journal.begin.\(step)"))
        #expect(await scene.server.hasCrashed())
        try await scene.server.start()
        #expect(try await scene.readmitted() == ["a", "b"])
    }

    @Test("when the first of all instances begins: it begins once more", arguments: ["written", "renamed", "durable"])
    func first(_ step: String) async throws {
        var scene = try await RecoveryScene([])
        await scene.server.kill()
        await scene.server.removeJournal()
        #expect(try await !scene.server.start(crashingAt: "journal.replace.\(step)"))
        #expect(await scene.server.hasCrashed())
        try await scene.server.start()
        try await scene.join("a")
        try await scene.server.restart()
        #expect(try await scene.readmitted() == ["a"])
    }

    @Test("when a client is recorded during grace: all who held something may still reclaim", arguments: ["torn", "written", "durable"])
    func addInGrace(_ step: String) async throws {
        var scene = try await RecoveryScene(["a", "b", "c"])
        await scene.server.kill()
        #expect(try await scene.server.start(crashingAt: "journal.add.\(step)"))
        // Half of what it held, then the answer to its RECLAIM_COMPLETE never comes.
        _ = try? await scene.reclaim("a", all: false)
        _ = try? await scene.completeReclaim("a")
        #expect(await scene.server.hasCrashed())
        try await scene.server.start()
        #expect(try await scene.readmitted() == ["a", "b", "c"])
    }

    @Test(
        "when a new client is recorded: it holds nothing yet, and is listed if the record says so",
        arguments: [("torn", false), ("written", true), ("durable", true)])
    func add(_ step: String, _ isListed: Bool) async throws {
        let server = try await ServerUnderTest.start()
        await server.kill()
        try await server.start(crashingAt: "journal.add.\(step)")
        let setUp = try await ReclaimingClientWithoutRecord(server)
        #expect(await server.hasCrashed())
        try await server.start()
        #expect(try await setUp.mayReclaim() == isListed)
    }

    @Test(
        "when grace ends: who missed it may reclaim as long as it is not over, and never after",
        arguments: [("torn", ["a", "late"]), ("written", ["a"]), ("durable", ["a"])] as [(String, Set<String>)])
    func activate(_ step: String, _ expected: Set<String>) async throws {
        var scene = try await RecoveryScene(["a", "late"], grace: 3)
        await scene.server.kill()
        #expect(try await scene.server.start(crashingAt: "journal.activate.\(step)"))
        #expect(try await scene.reclaim("a") == .ok)
        try await scene.completeReclaim("a")
        #expect(await scene.server.hasCrashed())
        try await scene.server.start(["--grace", "60"])
        #expect(try await scene.readmitted() == expected)
    }

    @Test(
        "when a client that left is taken off the record",
        arguments: [("torn", ["a", "b"]), ("written", ["a"]), ("durable", ["a"])] as [(String, Set<String>)])
    func remove(_ step: String, _ expected: Set<String>) async throws {
        var scene = try await RecoveryScene([])
        await scene.server.kill()
        try await scene.server.start(crashingAt: "journal.remove.\(step)")
        for name in ["a", "b"] { try await scene.join(name) }
        _ = try? await scene.leave("b")
        #expect(await scene.server.hasCrashed())
        try await scene.server.start()
        #expect(try await scene.readmitted() == expected)
    }

    @Test(
        "when it stops as planned: who holds nothing is not waited for once the mark is there",
        arguments: [("torn", ["a", "idle"]), ("written", ["a"]), ("durable", ["a"])] as [(String, Set<String>)])
    func stop(_ step: String, _ expected: Set<String>) async throws {
        var scene = try await RecoveryScene([])
        await scene.server.kill()
        try await scene.server.start(crashingAt: "journal.stop.\(step)")
        for name in ["a", "idle"] { try await scene.join(name) }
        try await scene.closeFiles("idle")
        #expect(await scene.server.terminate() == nil)
        try await scene.server.start()
        #expect(try await scene.readmitted() == expected)
    }

    @Test("when the journal is replaced by a shorter one: nobody is lost", arguments: ["written", "renamed", "durable"])
    func replace(_ step: String) async throws {
        var scene = try await RecoveryScene(["a"])
        try await scene.server.restart()
        #expect(try await scene.reclaim("a") == .ok)
        try await scene.completeReclaim("a")
        #expect(await scene.server.terminate() == 0)
        try await scene.server.start(crashingAt: "journal.replace.\(step)")
        #expect(try await scene.reclaim("a") == .ok)
        try await scene.completeReclaim("a")
        // Long names that come and go.
        var recorded: [ClientOwner] = []
        while recorded.count < 100 {
            let owner = ClientOwner(verifier: Verifier(1), id: [UInt8(recorded.count)] + [UInt8](repeating: 0xff, count: 1000))
            guard let session = try? await scene.server.session(owner: owner, reclaimComplete: false),
                (try? await session.run(.reclaimComplete())) != nil
            else { break }
            recorded.append(owner)
        }
        #expect((15...40).contains(recorded.count))
        #expect(await scene.server.hasCrashed())
        try await scene.server.start()
        #expect(try await scene.readmitted() == ["a"])
        for owner in recorded {
            let session = try await scene.server.session(owner: owner, reclaimComplete: false)
            #expect(try await session.compound(.putFH(scene.file(of: "a")), .open(.previous(0))).status == .ok)
        }
    }

    @Test(
        "when the recovery backend was told something: the journal decides",
        arguments: ["backend.open.done", "backend.add.done", "backend.activate.done"])
    func backend(_ point: String) async throws {
        let backend = try BackendUnderTest()
        var scene = try await RecoveryScene(["a", "b"], arguments: ["--recovery-url", backend.url])
        await scene.server.kill()
        try await scene.server.start(crashingAt: point)
        if point == "backend.activate.done" {
            for name in ["a", "b"] {
                #expect(try await scene.reclaim(name) == .ok)
                try await scene.completeReclaim(name)
            }
        }
        #expect(await scene.server.hasCrashed())
        try await scene.server.start()
        #expect(try await scene.readmitted() == ["a", "b"])
    }
}

/// A client that the server died of when it was to be recorded.
private struct ReclaimingClientWithoutRecord {
    private let server: ServerUnderTest
    private let owner = ClientOwner.unique()

    init(_ server: ServerUnderTest) async throws {
        self.server = server
        close(creat("\(server.directory)/export/file", 0o666))
        let session = try await server.session(owner: owner, reclaimComplete: false)
        #expect((try? await session.run(.reclaimComplete())) == nil)
    }

    /// Whether it may reclaim a file that, as it happens, there is.
    func mayReclaim() async throws -> Bool {
        let session = try await server.session(owner: owner, reclaimComplete: false)
        let file = try await session.lookup(session.lookup(path: server.exportPath), "file")
        return try await session.compound(.putFH(file), .open(.previous(0))).status == .ok
    }
}
