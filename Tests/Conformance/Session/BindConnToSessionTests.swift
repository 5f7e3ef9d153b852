import NFSTestClient
import Testing

@Suite("BIND_CONN_TO_SESSION (RFC 8881 §18.34)")
struct BindConnToSessionTests {
    @Test("a new connection can be bound to the fore channel", arguments: [1, 3] as [UInt32])
    func fore(_ direction: UInt32) async throws {
        let session = try await newSession()
        let connection = try await newConnection()
        let bound = try await connection.compound(.bindConnToSession(session.id, direction: direction)).succeeded().boundDirection
        #expect(direction == 1 ? bound == 1 : [1, 3].contains(bound))
        #expect(try await connection.compound(await session.nextSequence(), .putRootFH).status == .ok)
    }

    @Test("a new connection can be bound to both channels", arguments: [2, 7] as [UInt32])
    func back(_ direction: UInt32) async throws {
        let session = try await newSession()
        let reply = try await newConnection().compound(.bindConnToSession(session.id, direction: direction))
        #expect([2, 3].contains(try reply.succeeded().boundDirection))
    }

    @Test("an unknown session is BADSESSION")
    func badSession() async throws {
        let reply = try await newConnection().compound(.bindConnToSession(SessionID(Array(repeating: 9, count: 16)), direction: 3))
        #expect(reply.outcome == Outcome(.bindConnToSession, .badSession))
    }

    @Test("an undefined direction is BADXDR or INVAL", arguments: [0, 4, UInt32.max])
    func undefinedDirection(_ direction: UInt32) async throws {
        let session = try await newSession()
        let reply = try await newConnection().compound(.bindConnToSession(session.id, direction: direction))
        #expect([.badXDR, .inval].contains(reply.status))
    }

    @Test("it must be the only operation, and comes without SEQUENCE")
    func onlyOperation() async throws {
        let session = try await newSession()
        let before = try await newConnection().compound(.bindConnToSession(session.id, direction: 3), .putRootFH)
        #expect(before.outcome == Outcome(.bindConnToSession, .notOnlyOp))
        let inside = try await session.compound(.bindConnToSession(session.id, direction: 3))
        #expect(inside.outcome == Outcome(.bindConnToSession, .notOnlyOp))
    }
}

@Suite("BACKCHANNEL_CTL (RFC 8881 §18.33)")
struct BackchannelCtlTests {
    @Test("a session with a back channel can change its callback program and security")
    func change() async throws {
        let session = try await newSession()
        let create = Operation.createSession(
            clientID: session.clientID, sequence: session.nextCreateSequence, flags: Operation.createSessionBackChannel)
        let second = try await session.connection.compound(create).succeeded().session
        let reply = try await session.connection.compound(
            .sequence(second.id, sequence: 1), .backchannelCtl(security: [.none, .sys(uid: 0, gid: 0)]))
        #expect(reply.status == .ok)
    }
}
