import ConformanceRecord
import NFSTestClient
import Testing

@Suite("The grace period (RFC 8881 §8.4.2.1)", .ownProcess, .covers(.open, .lock, .lockT, .lockU, .close, .read, .write, .setAttr))
struct GracePeriodTests {
    /// A server with clients that each hold an open of the same file, killed and started again.
    private struct Scene {
        let server: ServerUnderTest
        let directory: FileHandle
        let file: FileHandle
        var clients: [ReclaimingClient]

        init(clients count: Int, grace: Int = 60) async throws {
            server = try await ServerUnderTest.start(ServerUnderTest.Settings(lease: 60, grace: grace))
            clients = []
            for _ in 0..<count { clients.append(try await ReclaimingClient(server)) }
            directory = try await server.newDirectory(clients[0].session)
            file = try await clients[0].session.makeFile(directory, "file", [1, 2, 3])
            for client in clients { try await client.session.run(.putFH(file), .open(.fileHandle)) }
        }

        mutating func restart(returning: [Int]) async throws {
            try await server.restart()
            for index in returning { try await clients[index].returns() }
        }
    }

    @Test("while a client may still reclaim, new locks and I/O without reclaimed state are GRACE")
    func grace() async throws {
        var scene = try await Scene(clients: 2)
        try await scene.restart(returning: [0])
        let client = scene.clients[0]
        try await client.completeReclaim()
        let refused: [Operation] = [
            .open(.fileHandle, access: .read), .read(count: 1), .write(.anonymous, [1]), .setAttr(.size(0)),
            .lockT(.write, owner: "owner"),
        ]
        for operation in refused {
            let reply = try await client.session.compound(.putFH(scene.file), operation)
            #expect(reply.status == .grace, "\(reply)")
        }
        let create = try await client.session.compound(.putFH(scene.directory), .open(.null("new"), .unchecked(.none)))
        #expect(create.outcome == Outcome(.open, .grace))
        #expect(try await client.session.entries(scene.directory).count == 1)
    }

    @Test("what takes no lock goes on during grace")
    func othersGoOn() async throws {
        var scene = try await Scene(clients: 2)
        try await scene.restart(returning: [0])
        let session = scene.clients[0].session
        #expect(try await session.lookup(scene.directory, "file") == scene.file)
        #expect(try await session.attributes(scene.file, [.size]).size == 3)
        #expect(try await session.compound(.putFH(scene.file), .access(.all)).status == .ok)
    }

    @Test("listed clients get their opens and locks back, and others stay out after grace")
    func reclaim() async throws {
        let server = try await ServerUnderTest.start()
        var client = try await ReclaimingClient(server)
        let directory = try await server.newDirectory(client.session)
        let file = try await client.session.open(directory, "file", deny: .write)
        _ = try await client.session.lock(file, offset: 10, length: 10)
        try await server.restart()
        try await client.returns()
        let open = Operation.open(.previous(0), access: .both, deny: .write)
        let opened = try await client.session.run(.putFH(file.handle), open, .getFH)
        #expect(try opened.fileHandle == file.handle)
        let stateID = try opened.open.stateID
        let lock = Operation.lock(.write, offset: 10, length: 10, .open(stateID, "lock owner"), reclaim: true)
        #expect(try await client.session.compound(.putFH(file.handle), lock).status == .ok)
        try await client.completeReclaim()

        let other = try await server.session()
        #expect(try await other.compound(.putFH(file.handle), .open(.fileHandle, access: .write)).status == .shareDenied)
        let test = try await other.compound(.putFH(file.handle), .lockT(.write, offset: 15, length: 1, owner: "other"))
        #expect(test.outcome == Outcome(.lockT, .denied))
        #expect(try await client.session.compound(.putFH(file.handle), .write(stateID, [1])).status == .ok)
    }

    @Test("grace ends in the moment of the last RECLAIM_COMPLETE")
    func endsWithLast() async throws {
        var scene = try await Scene(clients: 3)
        try await scene.restart(returning: [0, 1, 2])
        for client in scene.clients {
            #expect(try await client.reclaim(scene.file).status == .ok)
        }
        try await scene.clients[0].completeReclaim()
        try await scene.clients[1].completeReclaim()
        #expect(try await scene.clients[0].newOpen(scene.file).outcome == Outcome(.open, .grace))
        try await scene.clients[2].completeReclaim()
        #expect(try await scene.clients[0].newOpen(scene.file).status == .ok)
        let newcomer = try await scene.server.session()
        #expect(try await newcomer.compound(.putFH(scene.file), .open(.fileHandle)).status == .ok)
    }

    @Test("without a listed client there is no grace")
    func nobodyListed() async throws {
        let server = try await ServerUnderTest.start()
        let (session, directory) = try await server.sessionInNewDirectory()
        let file = try await session.makeFile(directory, "file")
        _ = try await session.connection.compound(.destroySession(session.id)).succeeded()
        _ = try await session.connection.compound(.destroyClientID(session.clientID)).succeeded()
        try await server.restart()
        let again = try await server.session()
        #expect(try await again.compound(.putFH(directory), .open(.null("file"))).status == .ok)
        let reclaim = try await server.session(reclaimComplete: false).compound(.putFH(file), .open(.previous(0)))
        #expect(reclaim.outcome == Outcome(.open, .noGrace))
    }

    @Test("a client that held nothing is not waited for")
    func idleClient() async throws {
        var scene = try await Scene(clients: 1)
        let idle = try await scene.server.session()
        try await idle.run()
        try await scene.restart(returning: [0])
        #expect(try await scene.clients[0].reclaim(scene.file).status == .ok)
        try await scene.clients[0].completeReclaim()
        #expect(try await scene.clients[0].newOpen(scene.file).status == .ok)
    }

    @Test("a client that is not listed may not reclaim: NO_GRACE")
    func unlisted() async throws {
        var scene = try await Scene(clients: 1)
        try await scene.restart(returning: [])
        let stranger = try await scene.server.session(reclaimComplete: false)
        let reply = try await stranger.compound(.putFH(scene.file), .open(.previous(0)))
        #expect(reply.outcome == Outcome(.open, .noGrace))
    }

    @Test("a reclaim that contradicts another is RECLAIM_CONFLICT, of an open as of a lock")
    func conflict() async throws {
        var scene = try await Scene(clients: 2)
        try await scene.restart(returning: [0, 1])
        let (first, second) = (scene.clients[0].session, scene.clients[1].session)
        let open = try await first.run(.putFH(scene.file), .open(.previous(0))).open.stateID
        let denying = try await second.compound(.putFH(scene.file), .open(.previous(0), deny: .write))
        #expect(denying.outcome == Outcome(.open, .reclaimConflict))
        let other = try await second.run(.putFH(scene.file), .open(.previous(0))).open.stateID
        let lock = try await first.run(.putFH(scene.file), .lock(.read, offset: 0, length: 10, .open(open, "o"), reclaim: true)).stateID
        for type in [LockType.write, .blockingWrite] {
            let reply = try await second.compound(.putFH(scene.file), .lock(type, .open(other, "o"), reclaim: true))
            #expect(reply.outcome == Outcome(.lock, .reclaimConflict))
        }
        try await second.run(.putFH(scene.file), .lock(.read, .open(other, "o"), reclaim: true))
        // What is reclaimed can be given back at once.
        try await first.run(.putFH(scene.file), .lockU(lock), .close(open))
    }

    @Test("a new lock under a reclaimed open is GRACE, before RECLAIM_COMPLETE and after it; a reclaim after it is NO_GRACE")
    func newLock() async throws {
        var scene = try await Scene(clients: 2)
        try await scene.restart(returning: [0])
        let client = scene.clients[0]
        let open = try await client.reclaim(scene.file).open.stateID
        let lock = Operation.lock(.write, .open(open, "owner"))
        #expect(try await client.session.compound(.putFH(scene.file), lock).outcome == Outcome(.lock, .grace))
        try await client.completeReclaim()
        #expect(try await client.session.compound(.putFH(scene.file), lock).outcome == Outcome(.lock, .grace))
        let reclaim = Operation.lock(.write, .open(open, "owner"), reclaim: true)
        #expect(try await client.session.compound(.putFH(scene.file), reclaim).outcome == Outcome(.lock, .noGrace))
    }

    @Test("before its RECLAIM_COMPLETE a client gets nothing new even without a grace period: GRACE (§18.51.3)")
    func incomplete() async throws {
        let server = try await ServerUnderTest.start()
        let (complete, directory) = try await server.sessionInNewDirectory()
        let file = try await complete.makeFile(directory, "file")
        let session = try await server.session(reclaimComplete: false)
        #expect(try await session.compound(.putFH(file), .open(.fileHandle)).outcome == Outcome(.open, .grace))
        #expect(try await session.compound(.putFH(file), .lock(.read, .open(.anonymous, "o"))).outcome == Outcome(.lock, .grace))
        #expect(try await session.compound(.putFH(file), .lockT(.read, owner: "o")).status == .ok)
    }

    @Test("a listed client that was restarted itself may not reclaim what its former self held")
    func restartedClient() async throws {
        var scene = try await Scene(clients: 2)
        try await scene.restart(returning: [0])
        let restarted = try await scene.server.session(owner: scene.clients[1].owner.restarted())
        #expect(try await restarted.compound(.putFH(scene.file), .open(.previous(0))).status == .noGrace)
        try await scene.clients[0].completeReclaim()
        #expect(try await restarted.compound(.putFH(scene.file), .open(.fileHandle)).status == .ok)
    }

    @Test("after its RECLAIM_COMPLETE a client may not reclaim: NO_GRACE")
    func afterComplete() async throws {
        var scene = try await Scene(clients: 2)
        try await scene.restart(returning: [0])
        try await scene.clients[0].completeReclaim()
        #expect(try await scene.clients[0].reclaim(scene.file).outcome == Outcome(.open, .noGrace))
    }

    @Test("when a listed client never comes back, grace lasts its time and not longer", .timeLimit(.minutes(3)))
    func lastsItsTime() async throws {
        var scene = try await Scene(clients: 2, grace: 15)
        let start = ContinuousClock.now
        try await scene.restart(returning: [0])
        try await scene.clients[0].completeReclaim()
        var reply = try await scene.clients[0].newOpen(scene.file)
        #expect(reply.status == .grace)
        while reply.status == .grace {
            try await Task.sleep(for: .milliseconds(50))
            reply = try await scene.clients[0].newOpen(scene.file)
        }
        #expect(reply.status == .ok)
        let lasted = ContinuousClock.now - start
        #expect(lasted >= .seconds(14.9))
        #expect(lasted < .seconds(30))
    }

    @Test("a client that missed a grace period is not readmitted by the next (§8.4.3, edge conditions)", .timeLimit(.minutes(3)))
    func edgeCondition() async throws {
        var scene = try await Scene(clients: 2, grace: 15)
        try await scene.restart(returning: [0])
        #expect(try await scene.clients[0].reclaim(scene.file).status == .ok)
        try await scene.clients[0].completeReclaim()
        while try await scene.clients[0].newOpen(scene.file).status == .grace { try await Task.sleep(for: .milliseconds(50)) }

        try await scene.restart(returning: [0, 1])
        let missed = try await scene.clients[1].reclaim(scene.file)
        #expect(missed.outcome == Outcome(.open, .noGrace))
        #expect(try await scene.clients[0].reclaim(scene.file).status == .ok)
    }

    @Test("a server killed during grace lets all clients reclaim from the next instance")
    func killedDuringGrace() async throws {
        var scene = try await Scene(clients: 2)
        try await scene.restart(returning: [0])
        #expect(try await scene.clients[0].reclaim(scene.file).status == .ok)
        try await scene.clients[0].completeReclaim()
        try await scene.restart(returning: [0, 1])
        for client in scene.clients { #expect(try await client.reclaim(scene.file).status == .ok) }
        for client in scene.clients { try await client.completeReclaim() }
        #expect(try await scene.clients[0].newOpen(scene.file).status == .ok)
    }

    @Test("a request that waits for the end of grace is answered when it ends, or GRACE before", .timeLimit(.minutes(3)))
    func heldRequest() async throws {
        var scene = try await Scene(clients: 2)
        try await scene.restart(returning: [0, 1])
        try await scene.clients[0].completeReclaim()
        let (waiting, last, file) = (scene.clients[0], scene.clients[1], scene.file)
        async let opened = waiting.newOpen(file)
        try await last.completeReclaim()
        #expect([.ok, .grace].contains(try await opened.status))
        #expect(try await waiting.newOpen(file).status == .ok)
    }

    @Test(
        "a retry of a request still being worked on is DELAY or its answer, and the work is done once (§2.10.6.2)", .timeLimit(.minutes(3)))
    func retryInProgress() async throws {
        var scene = try await Scene(clients: 2)
        try await scene.restart(returning: [0, 1])
        let session = scene.clients[0].session
        try await session.run(.reclaimComplete())
        let request = [await session.nextSequence(cacheThis: true), .putFH(scene.directory), .open(.null("new"), .guarded(.none))]
        let (first, second) = (Connection(try await scene.server.connect()), Connection(try await scene.server.connect()))
        async let original = first.compound(request)
        async let retry = second.compound(request)
        let replies = [try await original, try await retry]
        #expect(replies.allSatisfy { [.grace, .delay].contains($0.status) }, "\(replies)")
        #expect(replies.contains { $0.status == .grace })
        #expect(try await first.compound(request).status == .grace)
    }
}
