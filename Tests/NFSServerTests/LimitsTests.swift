import NFSServer
import NFSState
import NFSTestClient
import NFSTestServer
import Testing

@Suite("Limits of requests and sessions")
struct LimitsTests {
    private func server(_ limits: Limits) async throws -> InProcessServer {
        await InProcessServer.start([NameSpace.Entry(pseudoPath: "/export", fileSystem: try memoryFiles())], limits: limits)
    }

    @Test("a tag for which no reply has room is GARBAGE_ARGS")
    func enormousTag() async throws {
        let server = try await server(Limits(maximumTransfer: 4096))
        let connection = Connection(server.connect())
        let room = Limits(maximumTransfer: 4096).maximumMessage - (24 + 4 + 4 + 4)
        for (spare, isAnswered) in [(16, true), (12, false), (0, false), (-4, false), (-40_000, false)] {
            let tag = [UInt8](repeating: UInt8(ascii: "x"), count: room - spare)
            let reply = try await connection.call(arguments: Connection.compoundArguments([.putRootFH], tag: tag))
            if isAnswered {
                #expect(try CompoundReply(reply.results).outcome == Outcome(.putRootFH, .opNotInSession))
            } else {
                #expect(reply.body == .garbageArgs)
            }
        }
    }

    @Test("the slots a session may have fall as others come and rise as they go, and SEQUENCE says so (RFC 8881 §2.10.6.1)")
    func slots() async throws {
        var state = StateLimits()
        state.slotsOfAllSessions = 32
        state.minimumSlots = 2
        let server = try await server(Limits(state: state))
        let session = try await server.session()
        func range() async throws -> [UInt32] {
            let result = try await session.compound().succeeded().sequence
            return [result.highestSlot, result.targetHighestSlot]
        }
        #expect(session.created.fore.maxRequests == 16)
        #expect(try await session.compound(slot: 15).status == .ok)
        var others: [TestSession] = []
        for _ in 0..<3 { others.append(try await server.session()) }
        #expect(others.map(\.created.fore.maxRequests) == [16, 10, 8])
        #expect(try await range() == [15, 7])
        #expect(try await session.compound(slot: 15).status == .ok, "advice, and no more")
        for other in others { _ = try await other.connection.compound(.destroySession(other.id)).succeeded() }
        #expect(try await range() == [15, 15])
        #expect(try await session.compound(slot: 15).status == .ok)
    }
}
