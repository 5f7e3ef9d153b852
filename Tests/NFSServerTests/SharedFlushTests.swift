import Dispatch
import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

@Suite("Flushes that several clients share (RFC 8881 §18.3, §18.32)")
struct SharedFlushTests {
    private static let clients = 8
    private static let rounds: UInt8 = 40

    @Test(
        "whoever is told that data is stable can rely on it, also when every third flush loses what others wrote",
        arguments: [false, true])
    func durability(_ fails: Bool) async throws {
        let cache = VolatileCache { fails && $0 % 3 == 0 }
        let device = FailingDevice(try memoryFiles(), cache: cache)
        let server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/export", fileSystem: device)])
        let stable = try await withThrowingTaskGroup(of: Int.self) { group in
            for client in 0..<Self.clients {
                group.addTask {
                    let session = try await server.session()
                    let file = try await session.open(session.lookup("/export"), "file")
                    var stable = 0
                    for round in 1...Self.rounds {
                        let isStable =
                            client % 2 == 0
                            ? try await Self.writeStable(round, at: UInt64(client), file, session)
                            : try await Self.writeAndCommit(round, at: UInt64(client), file, session)
                        guard isStable else { continue }
                        stable += 1
                        #expect(cache.durableByte(at: UInt64(client)) == round)
                    }
                    return stable
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(stable > 0)
        if !fails { #expect(stable == Self.clients * Int(Self.rounds)) }
        #expect(cache.flushes <= Self.clients * Int(Self.rounds), "at most one for each request")
    }

    @Test("of files that always wait for the next one leave the others their turn", .timeLimit(.minutes(1)))
    func fairness() async throws {
        let (first, last) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        // As many as there are threads wait, and then all but one.
        let cache = VolatileCache { flush in
            if flush != 3 { (flush < 3 ? first : last).wait() }
            return false
        }
        let device = FailingDevice(try memoryFiles(), cache: cache)
        let server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/export", fileSystem: device)])
        // Opened before the threads are all taken.
        var opened: [(session: TestSession, file: OpenedFile)] = []
        for name in ["busy", "busy too", "busy", "busy too", "other"] {
            let session = try await server.session()
            opened.append((session, try await session.open(session.lookup("/export"), name)))
        }
        func commit(_ index: Int) async throws -> Task<Status, any Error> {
            let (session, file) = opened[index]
            let before = server.figures().slotsInUse
            let task = Task { try await session.compound(.putFH(file.handle), .commit()).status }
            while server.figures().slotsInUse == before { try await Task.sleep(for: .milliseconds(1)) }
            return task
        }
        var busy = [try await commit(0), try await commit(1)]
        while cache.flushes < 2 { try await Task.sleep(for: .milliseconds(1)) }
        busy += [try await commit(2), try await commit(3)]
        let other = try await commit(4)
        while server.figures().queued[0].count == 0 { try await Task.sleep(for: .milliseconds(1)) }
        for _ in 1...2 { first.signal() }
        #expect(try await other.value == .ok)
        for _ in 1...2 { last.signal() }
        for task in busy { #expect(try await task.value == .ok) }
    }

    private static func writeStable(_ byte: UInt8, at offset: UInt64, _ file: OpenedFile, _ session: TestSession) async throws -> Bool {
        let reply = try await session.compound(.putFH(file.handle), .write(file.stateID, offset: offset, [byte], .fileSync))
        guard reply.status == .ok else {
            #expect([.io, .delay].contains(reply.status))
            return false
        }
        return true
    }

    private static func writeAndCommit(_ byte: UInt8, at offset: UInt64, _ file: OpenedFile, _ session: TestSession) async throws -> Bool {
        let written = try await session.run(.putFH(file.handle), .write(file.stateID, offset: offset, [byte])).wrote.verifier
        let reply = try await session.compound(.putFH(file.handle), .commit())
        guard reply.status == .ok else {
            #expect(reply.status == .io)
            return false
        }
        // Otherwise the client is to send it again.
        return try reply.commitVerifier == written
    }
}
