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
