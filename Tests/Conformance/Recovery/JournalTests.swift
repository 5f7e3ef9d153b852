import Glibc
import NFSTestClient
import Testing

@Suite("The record of clients on the volume and in the recovery backend", .ownProcess, .timeLimit(.minutes(3)))
struct JournalTests {
    @Test("killed again during grace: who reclaimed half and who did not come yet may reclaim all, and is waited for again")
    func secondRestart() async throws {
        var scene = try await RecoveryScene(["half", "done", "late"])
        try await scene.server.restart()
        #expect(try await scene.reclaim("half", all: false) == .ok)
        #expect(try await scene.reclaim("done") == .ok)
        try await scene.completeReclaim("done")
        try await scene.server.restart()
        #expect(try await scene.readmitted() == ["half", "done", "late"])
        for name in ["done", "late"] { try await scene.completeReclaim(name) }
        #expect(try await opens(scene, "done") == .grace)
        try await scene.completeReclaim("half")
        #expect(try await opens(scene, "done") == .ok)
    }

    @Test("a client that reclaims half and dies is not readmitted after that grace period")
    func halfAndGone() async throws {
        var scene = try await RecoveryScene(["half", "done"])
        try await scene.server.restart()
        #expect(try await scene.reclaim("done") == .ok)
        try await scene.completeReclaim("done")
        try await scene.server.restart()
        #expect(try await scene.reclaim("half", all: false) == .ok)
        #expect(try await scene.reclaim("done") == .ok)
        try await scene.completeReclaim("done")
        try await scene.endGrace()
        try await scene.server.restart()
        #expect(try await scene.readmitted() == ["done"])
    }

    private func opens(_ scene: RecoveryScene, _ name: String) async throws -> Status {
        let session = try #require(scene.clients[name]).session
        let directory = try await session.lookup(path: scene.server.exportPath)
        return try await session.compound(.putFH(directory), .open(.null("probe"), .unchecked(.none))).status
    }

    @Test("the volume carries the record: without a backend, on a machine that never served it")
    func volumeMoves() async throws {
        var scene = try await RecoveryScene(["a", "b"])
        await scene.server.kill()
        try await scene.server.start(["--hostname", "elsewhere"])
        #expect(try await scene.readmitted() == ["a", "b"])
    }

    @Test("a stale journal of a machine that was away does not readmit who lost its state there: the backend is newer")
    func staleJournal() async throws {
        let backend = try BackendUnderTest()
        let here = ["--recovery-url", backend.url]
        var scene = try await RecoveryScene([], arguments: here)
        await scene.server.kill()
        let (one, two) = ["one", "two"].map { ["--state-dir", "\(scene.server.directory)/\($0)"] }.pair
        try await scene.server.start(one)
        for name in ["stays", "misses"] { try await scene.join(name) }
        try await scene.server.start(afterKill: one)
        for name in ["stays", "misses"] {
            #expect(try await scene.reclaim(name) == .ok)
            try await scene.completeReclaim(name)
        }
        #expect(await scene.server.terminate() == 0)
        // The other machine has no journal: the backend alone knows the clients.
        try await scene.server.start(two)
        #expect(try await scene.reclaim("stays") == .ok)
        try await scene.completeReclaim("stays")
        try await scene.endGrace()
        #expect(await scene.server.terminate() == 0)
        try await scene.server.start(one)
        #expect(try await scene.readmitted() == ["stays"])
    }

    @Test("a backend that does not answer holds up neither a start nor a new client", arguments: [false, true])
    func deadBackend(isAwayFromTheStart: Bool) async throws {
        let backend = try BackendUnderTest()
        var scene = try await RecoveryScene(
            isAwayFromTheStart ? ["a"] : [], arguments: ["--recovery-url", backend.url, "--recovery-deadline", "1"])
        await backend.pause()
        if isAwayFromTheStart {
            let start = ContinuousClock.now
            try await scene.server.restart()
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(try await scene.reclaim("a") == .ok)
            try await scene.completeReclaim("a")
        }
        // A call to the backend takes 5 s to fail.
        let names = (0..<10).map { "new \($0)" }
        let start = ContinuousClock.now
        for name in names { try await scene.join(name) }
        #expect(ContinuousClock.now - start < .seconds(40))
        try await scene.server.restart()
        #expect(try await scene.readmitted() == Set(names + (isAwayFromTheStart ? ["a"] : [])))
        await backend.resume()
    }

    @Test("a server whose record a newer one has replaced stops with a message and exit code 1")
    func fenced() async throws {
        let backend = try BackendUnderTest()
        let arguments = ["--recovery-url", backend.url]
        var older = try await RecoveryScene([], arguments: arguments)
        let newer = try await RecoveryScene(["b"], arguments: arguments)
        // Told to the backend, which belongs to the other one by now.
        _ = try? await older.join("a")
        #expect(await older.server.exitCode(timeout: 45) == 1)
        #expect(try await older.server.log().contains("a newer instance"))
        #expect(await newer.server.isRunning)
    }

    @Test("two servers cannot have one volume")
    func exclusive() async throws {
        let scene = try await RecoveryScene(["a"])
        let second = try await ServerUnderTest.start()
        await second.kill()
        #expect(try await !second.start(crashingAt: "", ["--state-dir", "\(scene.server.directory)/export/.remuda"]))
        #expect(try await second.log().contains("belongs to another server"))
    }

    @Test("a damaged journal is refused with a message that says what to do")
    func damaged() async throws {
        let scene = try await RecoveryScene(["a"])
        await scene.server.kill()
        let path = "\(scene.server.directory)/export/.remuda/journal"
        let file = open(path, O_WRONLY)
        #expect(pwrite(file, "x", 1, 3) == 1)
        close(file)
        #expect(try await !scene.server.start(crashingAt: ""))
        #expect(try await scene.server.log().contains("\(path) is damaged in line 1"))
    }

    @Test("clients neither see nor reach the record by name")
    func hidden() async throws {
        let server = try await ServerUnderTest.start()
        #expect(access("\(server.directory)/export/.remuda/journal", F_OK) == 0)
        let session = try await server.session()
        let root = try await session.lookup(path: server.exportPath)
        let file = try await session.makeFile(root, "file")
        let name = ".remuda"
        #expect(try await session.entries(root).map { String(decoding: $0.name, as: UTF8.self) } == ["file"])
        #expect(try await session.compound(.putFH(root), .lookup(name)).status == .noEnt)
        #expect(try await session.compound(.putFH(root), .remove(name)).status == .noEnt)
        #expect(try await session.compound(.putFH(root), .saveFH, .rename(name, to: "other")).status == .noEnt)
        #expect(try await session.compound(.putFH(root), .saveFH, .rename("file", to: name)).status == .badName)
        #expect(try await session.compound(.putFH(file), .saveFH, .putFH(root), .link(name)).status == .badName)
        #expect(try await session.compound(.putFH(root), .create(.directory, name)).status == .badName)
        #expect(try await session.compound(.putFH(root), .open(.null(name))).status == .noEnt)
        #expect(try await session.compound(.putFH(root), .open(.null(name), .unchecked(.none))).status == .badName)
        #expect(try await session.compound(.putFH(root), .secInfo(name)).status == .noEnt)
        // Elsewhere it is a name like others.
        let directory = try await session.makeDirectory(root, "directory")
        _ = try await session.makeFile(directory, name)
        #expect(try await session.entries(directory).map { String(decoding: $0.name, as: UTF8.self) } == [name])
    }
}

extension [[String]] {
    fileprivate var pair: ([String], [String]) { (self[0], self[1]) }
}
