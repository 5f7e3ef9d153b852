import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "DESTROY_SESSION (RFC 8881 §18.37)",
    .covers(
        .destroySession,
        never: [
            .backChanBusy: "calls to the client that are under way end with the session",
            .cbPathDown: "calls to the client that are under way end with the session",
            .staleClientID: "a session of a client that is gone is unknown: NFS4ERR_BADSESSION",
        ]))
struct DestroySessionTests {
    @Test("a destroyed session is BADSESSION")
    func destroyed() async throws {
        let session = try await newSession()
        #expect(try await session.connection.compound(.destroySession(session.id)).status == .ok)
        #expect(try await session.compound(.putRootFH).outcome == Outcome(.sequence, .badSession))
        #expect(try await session.connection.compound(.destroySession(session.id)).outcome == Outcome(.destroySession, .badSession))
    }

    @Test("an unknown session is BADSESSION")
    func unknown() async throws {
        let reply = try await newConnection().compound(.destroySession(SessionID(Array(repeating: 3, count: 16))))
        #expect(reply.outcome == Outcome(.destroySession, .badSession))
    }

    @Test("a session may destroy itself in the last operation")
    func itself() async throws {
        let session = try await newSession()
        #expect(try await session.compound(.putRootFH, .destroySession(session.id)).status == .ok)
        #expect(try await session.compound(.putRootFH).outcome == Outcome(.sequence, .badSession))
    }

    @Test("a session that destroys itself before the last operation is NOT_ONLY_OP")
    func itselfNotLast() async throws {
        let session = try await newSession()
        #expect(try await session.compound(.destroySession(session.id), .putRootFH).outcome == Outcome(.destroySession, .notOnlyOp))
    }

    @Test("outside a session DESTROY_SESSION must be the only operation")
    func onlyOperation() async throws {
        let session = try await newSession()
        let reply = try await session.connection.compound(.destroySession(session.id), .putRootFH)
        #expect(reply.outcome == Outcome(.destroySession, .notOnlyOp))
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("over a connection that is not bound to the session it is CONN_NOT_BOUND_TO_SESSION, and over one that is it succeeds")
    func otherConnection() async throws {
        let session = try await newSession()
        let connection = try await newConnection()
        let destroy = Operation.destroySession(session.id)
        #expect(try await connection.compound(destroy).outcome == Outcome(.destroySession, .connNotBoundToSession))
        #expect(try await newSession().compound(destroy).outcome == Outcome(.destroySession, .connNotBoundToSession))
        #expect(try await session.compound(over: connection).status == .ok)
        #expect(try await connection.compound(destroy).status == .ok)
    }

    @Test("a session may be destroyed from within another, wherever in the compound", arguments: [true, false])
    func another(_ ofOtherClient: Bool) async throws {
        let session = try await newSession()
        let create = Operation.createSession(clientID: session.clientID, sequence: session.nextCreateSequence)
        let second = ofOtherClient ? try await newSession().created : try await session.connection.compound(create).succeeded().session
        // Any connection is bound by a SEQUENCE.
        _ = try await session.connection.compound(.sequence(second.id, sequence: 1, slot: 1)).succeeded()
        #expect(try await session.compound(.destroySession(second.id), .putRootFH, .getFH).status == .ok)
        #expect(try await session.connection.compound(.sequence(second.id, sequence: 1)).outcome == Outcome(.sequence, .badSession))
    }

    @Test("a retry of a compound that destroyed its session finds no session to be retried in")
    func replayOfItself() async throws {
        let session = try await newSession()
        let request = [await session.nextSequence(cacheThis: true), .destroySession(session.id)]
        #expect(try await session.connection.compound(request).status == .ok)
        #expect(try await session.connection.compound(request).outcome == Outcome(.sequence, .badSession))
    }

    @Test("requests on other slots come to their end, and their retries find no session")
    func otherSlots() async throws {
        let session = try await newSession()
        let request = [await session.nextSequence(slot: 3, cacheThis: true), .putRootFH]
        #expect(try await session.connection.compound(request).status == .ok)
        #expect(try await session.connection.compound(.destroySession(session.id)).status == .ok)
        #expect(try await session.connection.compound(request).outcome == Outcome(.sequence, .badSession))
    }

    @Test("opens outlive their session and belong to the client")
    func stateSurvives() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        _ = try await session.connection.compound(.destroySession(session.id)).succeeded()
        let again = Operation.createSession(clientID: session.clientID, sequence: session.nextCreateSequence)
        let second = try await session.connection.compound(again).succeeded().session
        let write = Operation.write(file.stateID, [1])
        #expect(try await session.connection.compound(.sequence(second.id, sequence: 1), .putFH(file.handle), write).status == .ok)
    }
}

@Suite("DESTROY_CLIENTID (RFC 8881 §18.50)", .covers(.destroyClientID))
struct DestroyClientIDTests {
    @Test("a client with a session is CLIENTID_BUSY")
    func busy() async throws {
        let session = try await newSession()
        #expect(
            try await session.connection.compound(.destroyClientID(session.clientID)).outcome == Outcome(.destroyClientID, .clientIDBusy))
        #expect(try await session.compound(.destroyClientID(session.clientID)).outcome == Outcome(.destroyClientID, .clientIDBusy))
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("a client with an open and no session is CLIENTID_BUSY")
    func busyWithState() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.open(directory, "file")
        _ = try await session.connection.compound(.destroySession(session.id)).succeeded()
        #expect(try await session.connection.compound(.destroyClientID(session.clientID)).status == .clientIDBusy)
    }

    @Test("a client without sessions and state is destroyed, and its ID is stale")
    func destroyed() async throws {
        let session = try await newSession()
        _ = try await session.connection.compound(.destroySession(session.id)).succeeded()
        #expect(try await session.connection.compound(.destroyClientID(session.clientID)).status == .ok)
        #expect(try await session.connection.compound(.destroyClientID(session.clientID)).status == .staleClientID)
        let again = Operation.createSession(clientID: session.clientID, sequence: session.nextCreateSequence)
        #expect(try await session.connection.compound(again).outcome == Outcome(.createSession, .staleClientID))
    }

    @Test("an unconfirmed client ID can be destroyed")
    func unconfirmed() async throws {
        let connection = try await newConnection()
        let client = try await connection.compound(.exchangeID(.unique())).succeeded().exchangeID
        #expect(try await connection.compound(.destroyClientID(client.clientID)).status == .ok)
        #expect(try await connection.compound(.destroyClientID(client.clientID)).status == .staleClientID)
    }

    @Test("an unknown client ID is STALE_CLIENTID", arguments: [0, 77, UInt64.max])
    func unknown(_ id: UInt64) async throws {
        #expect(try await newConnection().compound(.destroyClientID(id)).outcome == Outcome(.destroyClientID, .staleClientID))
    }

    @Test("outside a session DESTROY_CLIENTID must be the only operation")
    func onlyOperation() async throws {
        let reply = try await newConnection().compound(.destroyClientID(1), .putRootFH)
        #expect(reply.outcome == Outcome(.destroyClientID, .notOnlyOp))
    }
}
