import Glibc
import NFSTestClient
import RecoveryJournal
import Testing

/// The server ends itself at each named point of what it does to its record of clients (docs/RECOVERY.md), and the next instance
/// readmits exactly those who may.
@Suite("The server dies at a crash point (RFC 8881 §8.4.2.1)", .ownProcess, .timeLimit(.minutes(3)))
struct CrashPointTests {
    /// A point, and who may reclaim from the instance after the one that died there.
    typealias Row = (point: CrashPoint, mayReclaim: Set<String>)

    static let beginning: [CrashPoint] = [.beginTorn, .beginWritten, .beginDurable]
    static let addition: [CrashPoint] = [.addTorn, .addWritten, .addDurable]
    static let removal: [Row] = [(.removeTorn, ["a", "b"]), (.removeWritten, ["a"]), (.removeDurable, ["a"])]
    static let activation: [Row] = [(.activateTorn, ["a", "late"]), (.activateWritten, ["a"]), (.activateDurable, ["a"])]
    static let plannedStop: [Row] = [(.stopTorn, ["a", "idle"]), (.stopWritten, ["a"]), (.stopDurable, ["a"])]
    static let replacement: [CrashPoint] = [.replaceWritten, .replaceRenamed, .replaceDurable]
    static let backendCalls: [Row] = [
        (.backendOpenDone, ["a", "b"]), (.backendAddDone, ["a", "b"]), (.backendActivateDone, ["a", "b"]),
        (.confirmTorn, ["a", "b"]), (.confirmWritten, ["a", "b"]), (.confirmDurable, ["a", "b"]),
        (.backendRemoveDone, ["a"]),
    ]

    @Test("none is left out here")
    func complete() {
        let rows = Self.removal + Self.activation + Self.plannedStop + Self.backendCalls
        let points = Self.beginning + Self.addition + Self.replacement + rows.map(\.point)
        #expect(Set(points) == Set(CrashPoint.allCases))
    }

    @Test("when an instance begins, once and twice: all who held something may reclaim", arguments: beginning, [1, 2])
    func begin(_ point: CrashPoint, _ crashes: Int) async throws {
        var scene = try await RecoveryScene(["a", "b"])
        await scene.server.kill()
        for _ in 1...crashes {
            #expect(try await !scene.server.start(crashingAt: point.rawValue))
            #expect(await scene.server.hasCrashed())
        }
        try await scene.server.start()
        #expect(try await scene.readmitted() == ["a", "b"])
    }

    @Test("when the first of all instances begins: it begins once more", arguments: replacement)
    func first(_ point: CrashPoint) async throws {
        var scene = try await RecoveryScene([])
        await scene.server.kill()
        await scene.server.removeJournal()
        #expect(try await !scene.server.start(crashingAt: point.rawValue))
        #expect(await scene.server.hasCrashed())
        try await scene.server.start()
        try await scene.join("a")
        try await scene.server.restart()
        #expect(try await scene.readmitted() == ["a"])
    }

    @Test(
        "when a client is recorded during grace, once and twice: all who held something may still reclaim", arguments: addition, [1, 2])
    func addInGrace(_ point: CrashPoint, _ crashes: Int) async throws {
        var scene = try await RecoveryScene(["a", "b", "c"])
        await scene.server.kill()
        for _ in 1...crashes {
            #expect(try await scene.server.start(crashingAt: point.rawValue))
            // Half of what it held, then the answer to its RECLAIM_COMPLETE never comes.
            #expect(try await scene.reclaim("a", all: false) == .ok)
            #expect(await (try? scene.completeReclaim("a")) == nil)
            #expect(await scene.server.hasCrashed())
        }
        try await scene.server.start()
        #expect(try await scene.readmitted() == ["a", "b", "c"])
    }

    @Test(
        "when a new client is recorded: it holds nothing yet, and is listed if the record says so",
        arguments: zip(addition, [false, true, true]))
    func add(_ point: CrashPoint, _ isListed: Bool) async throws {
        let server = try await ServerUnderTest.start()
        await server.kill()
        try await server.start(crashingAt: point.rawValue)
        let setUp = try await ReclaimingClientWithoutRecord(server)
        #expect(await server.hasCrashed())
        try await server.start()
        #expect(try await setUp.mayReclaim() == isListed)
    }

    @Test(
        "when grace ends: who missed it may reclaim as long as it is not over, and never after; once and twice",
        arguments: activation, [1, 2])
    func activate(_ row: Row, _ crashes: Int) async throws {
        var scene = try await RecoveryScene(["a", "late"])
        await scene.server.kill()
        for _ in 1...crashes {
            #expect(try await scene.server.start(crashingAt: row.point.rawValue))
            #expect(try await scene.reclaim("a") == .ok)
            // Where only this one is waited for, grace ends before it has the answer.
            _ = try? await scene.completeReclaim("a")
            _ = try? await scene.endGrace()
            #expect(await scene.server.hasCrashed())
        }
        try await scene.server.start()
        #expect(try await scene.readmitted() == row.mayReclaim)
    }

    @Test("when a client that left is taken off the record", arguments: removal)
    func remove(_ row: Row) async throws {
        var scene = try await RecoveryScene([])
        await scene.server.kill()
        try await scene.server.start(crashingAt: row.point.rawValue)
        for name in ["a", "b"] { try await scene.join(name) }
        _ = try? await scene.leave("b")
        #expect(await scene.server.hasCrashed())
        try await scene.server.start()
        #expect(try await scene.readmitted() == row.mayReclaim)
    }

    @Test("when a client that leaves during grace is taken off the record: the list in force still has it", arguments: removal)
    func removeInGrace(_ row: Row) async throws {
        var scene = try await RecoveryScene(["a", "b"])
        await scene.server.kill()
        #expect(try await scene.server.start(crashingAt: row.point.rawValue))
        _ = try? await scene.giveUp("b")
        #expect(await scene.server.hasCrashed())
        try await scene.server.start()
        #expect(try await scene.readmitted() == ["a", "b"])
    }

    @Test("when it stops as planned: who holds nothing is not waited for once the mark is there", arguments: plannedStop)
    func stop(_ row: Row) async throws {
        var scene = try await RecoveryScene([])
        await scene.server.kill()
        try await scene.server.start(crashingAt: row.point.rawValue)
        for name in ["a", "idle"] { try await scene.join(name) }
        try await scene.closeFiles("idle")
        #expect(await scene.server.crashesWhenTerminated())
        try await scene.server.start()
        #expect(try await scene.readmitted() == row.mayReclaim)
    }

    @Test("when the journal is replaced by a shorter one: nobody is lost", arguments: replacement)
    func replace(_ point: CrashPoint) async throws {
        var scene = try await RecoveryScene(["a"])
        try await scene.server.restart()
        #expect(try await scene.reclaim("a") == .ok)
        try await scene.completeReclaim("a")
        #expect(await scene.server.terminate() == 0)
        try await scene.server.start(crashingAt: point.rawValue)
        #expect(try await scene.reclaim("a") == .ok)
        try await scene.completeReclaim("a")
        // Long names that come and go.
        var recorded: [ClientOwner] = []
        while recorded.count < 100 {
            let owner = ClientOwner(verifier: Verifier(1), id: [UInt8(recorded.count)] + [UInt8](repeating: 0xff, count: 1000))
            guard let session = try? await scene.server.session(owner: owner),
                (try? await session.run(.putFH(scene.file(of: "a")), .open(.fileHandle))) != nil
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

    @Test("when the recovery backend was told something: the journal decides", arguments: backendCalls)
    func backend(_ row: Row) async throws {
        let backend = try BackendUnderTest()
        let there = ["--recovery-url", backend.url]
        // The backend hears of this journal for the first time from the instance that dies.
        var scene = try await RecoveryScene(["a", "b"])
        await scene.server.kill()
        try await scene.server.start(crashingAt: row.point.rawValue, there)
        if row.point != .backendOpenDone, row.point != .backendAddDone {
            for name in ["a", "b"] {
                #expect(try await scene.reclaim(name) == .ok)
                // The last one ends grace, and may not hear of it.
                _ = try? await scene.completeReclaim(name)
            }
        }
        if row.point == .backendRemoveDone {
            // From a record that is not in force nobody is taken.
            while try await !scene.server.journal().contains(" confirm\n") {}
            // Which may not hear of it either.
            _ = try? await scene.leave("b")
        }
        #expect(await scene.server.hasCrashed())
        try await scene.server.start(there)
        #expect(try await scene.readmitted() == row.mayReclaim)
    }
}

/// A client that the server died of when it was to be recorded.
private struct ReclaimingClientWithoutRecord {
    private let server: ServerUnderTest
    private let owner = ClientOwner.unique()

    init(_ server: ServerUnderTest) async throws {
        self.server = server
        close(creat("\(server.directory)/export/file", 0o666))
        let session = try await server.session(owner: owner)
        let file = try await session.lookup(session.lookup(path: server.exportPath), "file")
        #expect((try? await session.run(.putFH(file), .open(.fileHandle))) == nil)
    }

    /// Whether it may reclaim a file that, as it happens, there is.
    func mayReclaim() async throws -> Bool {
        let session = try await server.session(owner: owner, reclaimComplete: false)
        let file = try await session.lookup(session.lookup(path: server.exportPath), "file")
        return try await session.compound(.putFH(file), .open(.previous(0))).status == .ok
    }
}
