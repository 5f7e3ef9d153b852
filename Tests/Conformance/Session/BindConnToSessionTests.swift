import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "BIND_CONN_TO_SESSION (RFC 8881 §18.34)",
    .covers(
        .bindConnToSession,
        never: [
            .badSessionDigest: "no session is protected by an SSV",
            .repTooBig: "it stands outside sessions, and so outside their limits",
            .repTooBigToCache: "it stands outside sessions, and so outside their limits",
            .reqTooBig: "it stands outside sessions, and so outside their limits",
            .retryUncachedRep: "it stands outside sessions, and so has no slot",
            .tooManyOps: "it stands outside sessions: with other operations it is NFS4ERR_NOT_ONLY_OP",
        ]))
struct BindConnToSessionTests {
    private static let fore: UInt32 = 1
    private static let back: UInt32 = 2
    private static let both: UInt32 = 3
    private static let foreOrBoth: UInt32 = 3
    private static let backOrBoth: UInt32 = 7

    @Test(
        "a new connection is bound as the client wants, to both channels where it accepts that",
        arguments: [(fore, fore), (back, back), (foreOrBoth, both), (backOrBoth, both)])
    func newConnection(_ wanted: UInt32, _ bound: UInt32) async throws {
        let session = try await newSession()
        let connection = try await Conformance.newConnection()
        #expect(try await connection.compound(.bindConnToSession(session.id, direction: wanted)).succeeded().boundDirection == bound)
        #expect(try await connection.compound(await session.nextSequence(), .putRootFH).status == .ok)
    }

    @Test(
        "a connection that only sent a SEQUENCE is bound as a new one is",
        arguments: [(fore, fore), (back, back), (foreOrBoth, both), (backOrBoth, both)])
    func usedConnection(_ wanted: UInt32, _ bound: UInt32) async throws {
        let session = try await newSession()
        let connection = try await Conformance.newConnection()
        _ = try await connection.compound(await session.nextSequence()).succeeded()
        #expect(try await connection.compound(.bindConnToSession(session.id, direction: wanted)).succeeded().boundDirection == bound)
    }

    @Test(
        "a connection bound already stays as it is, and demanding another direction is INVAL (§18.34.3)",
        arguments: [
            (fore, fore, fore), (fore, back, nil), (fore, foreOrBoth, fore), (fore, backOrBoth, nil),
            (back, fore, nil), (back, back, back), (back, foreOrBoth, nil), (back, backOrBoth, back),
            (foreOrBoth, fore, nil), (foreOrBoth, back, nil), (foreOrBoth, foreOrBoth, both), (foreOrBoth, backOrBoth, both),
        ] as [(UInt32, UInt32, UInt32?)])
    func boundAlready(_ former: UInt32, _ wanted: UInt32, _ bound: UInt32?) async throws {
        let session = try await newSession()
        let connection = try await Conformance.newConnection()
        _ = try await connection.compound(.bindConnToSession(session.id, direction: former)).succeeded()
        let reply = try await connection.compound(.bindConnToSession(session.id, direction: wanted))
        #expect(reply.outcome == Outcome(.bindConnToSession, bound == nil ? .inval : .ok))
        if let bound { #expect(try reply.boundDirection == bound) }
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("the connection of CREATE_SESSION is bound to the fore channel already")
    func creatingConnection() async throws {
        let session = try await newSession()
        for (wanted, status) in [(Self.fore, Status.ok), (Self.foreOrBoth, .ok), (Self.back, .inval), (Self.backOrBoth, .inval)] {
            let reply = try await session.connection.compound(.bindConnToSession(session.id, direction: wanted))
            #expect(reply.outcome == Outcome(.bindConnToSession, status))
        }
    }

    @Test("any principal may bind a connection where no state protection was asked for")
    func otherPrincipal() async throws {
        let session = try await newSession()
        let reply = try await Conformance.newConnection(.user).compound(.bindConnToSession(session.id, direction: Self.foreOrBoth))
        #expect(try reply.succeeded().boundDirection == Self.both)
    }

    @Test("an unknown session is BADSESSION")
    func badSession() async throws {
        let reply = try await Conformance.newConnection().compound(
            .bindConnToSession(SessionID(Array(repeating: 9, count: 16)), direction: 3))
        #expect(reply.outcome == Outcome(.bindConnToSession, .badSession))
    }

    @Test("a destroyed session is BADSESSION")
    func destroyedSession() async throws {
        let session = try await newSession()
        _ = try await session.connection.compound(.destroySession(session.id)).succeeded()
        let reply = try await session.connection.compound(.bindConnToSession(session.id, direction: 3))
        #expect(reply.outcome == Outcome(.bindConnToSession, .badSession))
    }

    @Test("an undefined direction is BADXDR", arguments: [0, 4, 5, 6, 8, UInt32.max])
    func undefinedDirection(_ direction: UInt32) async throws {
        let session = try await newSession()
        let reply = try await Conformance.newConnection().compound(.bindConnToSession(session.id, direction: direction))
        #expect(reply.outcome == Outcome(.bindConnToSession, .badXDR))
    }

    @Test("it must be the only operation, and comes without SEQUENCE")
    func onlyOperation() async throws {
        let session = try await newSession()
        let before = try await Conformance.newConnection().compound(.bindConnToSession(session.id, direction: 3), .putRootFH)
        #expect(before.outcome == Outcome(.bindConnToSession, .notOnlyOp))
        let inside = try await session.compound(.bindConnToSession(session.id, direction: 3))
        #expect(inside.outcome == Outcome(.bindConnToSession, .notOnlyOp))
    }
}
