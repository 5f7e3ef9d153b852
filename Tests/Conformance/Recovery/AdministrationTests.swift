import Glibc
import NFSTestClient
import Testing

@Suite("An administrator of the server", .ownProcess, .timeLimit(.minutes(2)))
struct AdministrationTests {
    /// A server with the clients "back", which is done reclaiming, and "gone", which it waits for.
    private static func scene(_ arguments: [String] = []) async throws -> (scene: RecoveryScene, socket: [String]) {
        var scene = try await RecoveryScene(["back", "gone"])
        let socket = ["--admin-socket", "\(scene.server.directory)/admin"]
        try await scene.server.start(afterKill: arguments.map { $0.replacing("DIRECTORY", with: scene.server.directory) })
        #expect(try await scene.reclaim("back") == .ok)
        try await scene.completeReclaim("back")
        return (scene, socket)
    }

    private static func opens(_ scene: RecoveryScene) async throws -> Status {
        let session = try #require(scene.clients["back"]).session
        return try await session.compound(.putFH(scene.file(of: "back")), .open(.fileHandle)).status
    }

    private static func name(_ scene: RecoveryScene, _ client: String) throws -> String {
        String(decoding: try #require(scene.clients[client]).owner.id, as: UTF8.self)
    }

    @Test("sees the grace period and who is missing, and may end it")
    func endGrace() async throws {
        let (scene, socket) = try await Self.scene()
        let line = try await scene.server.command(["status"] + socket)
        #expect(line?.hasPrefix("grace: open, at most ") == true)
        var status = stat()
        #expect(stat("\(scene.server.directory)/admin", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        let gone = try Self.name(scene, "gone")
        #expect(try await scene.server.log().contains("client=\(gone)"))
        #expect(try await Self.opens(scene) == .grace)
        #expect(try await scene.server.command(["end-grace"] + socket) == "not waited for any more: \(gone)")
        #expect(try await Self.opens(scene) == .ok)
        #expect(try await scene.server.command(["status"] + socket) == "grace: over")
    }

    @Test("sees in the log what status prints, after SIGUSR1")
    func question() async throws {
        let (scene, socket) = try await Self.scene()
        let status = try #require(try await scene.server.command(["status"] + socket))
        let grace = try #require(status.split(separator: ",").first)
        let lines = try ["\(grace)", "missing: \(Self.name(scene, "gone"))", "client: \(Self.name(scene, "back")), "]
        kill(try #require(await scene.server.processID), SIGUSR1)
        for line in lines {
            while try await !scene.server.log().contains(" \(line)") { try await Task.sleep(for: .milliseconds(10)) }
        }
    }

    @Test("evicts a client that is missing, and one that is there")
    func evict() async throws {
        let (scene, socket) = try await Self.scene()
        #expect(try await scene.server.command(["evict", "--json", "nobody"] + socket) == #"{"evicted": false}"#)
        #expect(try await scene.server.command(["evict", "--json", Self.name(scene, "gone")] + socket) == #"{"evicted": true}"#)
        #expect(try await Self.opens(scene) == .ok)
        #expect(try await scene.server.command(["evict", "--json", Self.name(scene, "back")] + socket) == #"{"evicted": true}"#)
        var next = scene
        try await next.server.restart()
        #expect(try await next.readmitted() == [])
    }

    @Test("names a program that says which hosts are dead")
    func deadHosts() async throws {
        let (scene, _) = try await Self.scene(["--dead-hosts-command", "DIRECTORY/dead-hosts"])
        #expect(try await Self.opens(scene) == .grace)
        let program = "\(scene.server.directory)/dead-hosts"
        let host = try #require(Self.name(scene, "gone").split(separator: " ").last)
        let file = try #require(fopen(program, "w"))
        fputs("#!/bin/sh\necho other\necho \(host)\n", file)
        fclose(file)
        chmod(program, 0o755)
        var status: Status
        repeat { status = try await Self.opens(scene) } while status == .grace
        #expect(status == .ok)
        #expect(try await scene.server.log().contains("its host is dead"))
    }
}
