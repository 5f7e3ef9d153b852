import NFSTestClient
import Testing

@Suite("DESTROY_SESSION (RFC 8881 §18.37)")
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

@Suite("DESTROY_CLIENTID (RFC 8881 §18.50)")
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
