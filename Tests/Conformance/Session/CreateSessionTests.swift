import NFSTestClient
import Testing

@Suite("CREATE_SESSION (RFC 8881 §18.36)")
struct CreateSessionTests {
    private func newClient(_ connection: Connection) async throws -> ExchangeIDResult {
        try await connection.compound(.exchangeID(.unique())).succeeded().exchangeID
    }

    private func create(_ client: ExchangeIDResult, skipping: UInt32 = 0) -> Operation {
        .createSession(clientID: client.clientID, sequence: client.sequence &+ skipping)
    }

    @Test("the channel is never larger than the client asked for")
    func negotiation() async throws {
        var wanted = ChannelAttributes()
        wanted.maxRequestSize = 70_000
        wanted.maxResponseSize = 70_001
        wanted.maxResponseSizeCached = 2000
        wanted.maxOperations = 9
        wanted.maxRequests = 3
        let granted = try await newSession(fore: wanted).created.fore
        #expect(granted.maxRequestSize <= 70_000)
        #expect(granted.maxResponseSize <= 70_001)
        #expect(granted.maxResponseSizeCached <= 2000)
        #expect((1...9).contains(granted.maxOperations))
        #expect((1...3).contains(granted.maxRequests))
        #expect(granted.headerPadSize == 0)
        #expect(granted.rdmaIRD.isEmpty)
    }

    @Test("a client asking for everything is given limits, not everything")
    func enormousWishes() async throws {
        var wanted = ChannelAttributes()
        wanted.maxRequestSize = .max
        wanted.maxResponseSize = .max
        wanted.maxResponseSizeCached = .max
        wanted.maxOperations = .max
        wanted.maxRequests = .max
        let granted = try await newSession(fore: wanted).created.fore
        #expect((1 << 20...1 << 26).contains(granted.maxRequestSize))
        #expect((1 << 20...1 << 26).contains(granted.maxResponseSize))
        #expect(granted.maxResponseSizeCached <= 1 << 20)
        #expect(granted.maxOperations <= 1 << 16)
        #expect(granted.maxRequests <= 1 << 12)
    }

    @Test("the reply carries the sequence of the request")
    func sequence() async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        #expect(try await connection.compound(create(client)).succeeded().session.sequence == client.sequence)
    }

    @Test("a retry is answered from the cache, with the same session")
    func replay() async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        let first = try await connection.compound(create(client)).succeeded()
        let second = try await newConnection().compound(create(client)).succeeded()
        #expect(try first.session == second.session)
    }

    @Test("a retry of a request that failed is answered with the same failure")
    func replayOfFailure() async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        let wrong = Operation.createSession(clientID: client.clientID, sequence: client.sequence, flags: 0x8000_0000)
        #expect(try await connection.compound(wrong).outcome == Outcome(.createSession, .inval))
        #expect(try await connection.compound(wrong).outcome == Outcome(.createSession, .inval))
    }

    @Test("a sequence that is neither next nor last is SEQ_MISORDERED", arguments: [2, 100, UInt32.max - 1])
    func misordered(_ skip: UInt32) async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        _ = try await connection.compound(create(client)).succeeded()
        #expect(try await connection.compound(create(client, skipping: skip)).outcome == Outcome(.createSession, .seqMisordered))
        #expect(try await connection.compound(create(client, skipping: 1)).status == .ok)
    }

    @Test("the first request of a client ID must carry the sequence EXCHANGE_ID returned", arguments: [1, UInt32.max])
    func firstMisordered(_ skip: UInt32) async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        #expect(try await connection.compound(create(client, skipping: skip)).outcome == Outcome(.createSession, .seqMisordered))
    }

    @Test("an unknown client ID is STALE_CLIENTID", arguments: [0, 0x1234_5678_9abc_def0, UInt64.max])
    func staleClientID(_ clientID: UInt64) async throws {
        let reply = try await newConnection().compound(.createSession(clientID: clientID, sequence: 1))
        #expect(reply.outcome == Outcome(.createSession, .staleClientID))
    }

    @Test("another principal may not confirm a client ID: CLID_INUSE")
    func otherPrincipal() async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        let reply = try await connection.compound(create(client), credential: .user)
        #expect(reply.outcome == Outcome(.createSession, .clidInUse))
        #expect(try await connection.compound(create(client)).status == .ok)
    }

    @Test("undefined flags are INVAL", arguments: [0x8, 0x8000_0000] as [UInt32])
    func undefinedFlags(_ flags: UInt32) async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        let reply = try await connection.compound(
            .createSession(clientID: client.clientID, sequence: client.sequence, flags: flags))
        #expect(reply.outcome == Outcome(.createSession, .inval))
    }

    @Test("a session in memory is not called persistent")
    func persistence() async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        let reply = try await connection.compound(
            .createSession(clientID: client.clientID, sequence: client.sequence, flags: Operation.createSessionPersist))
        #expect(try reply.succeeded().session.flags & Operation.createSessionPersist == 0)
    }

    @Test("a channel too small for any request is TOOSMALL or INVAL")
    func tooSmall() async throws {
        let connection = try await newConnection()
        for field in [\ChannelAttributes.maxRequestSize, \.maxResponseSize, \.maxOperations, \.maxRequests] {
            let client = try await newClient(connection)
            var fore = ChannelAttributes()
            fore[keyPath: field] = 0
            let reply = try await connection.compound(
                .createSession(clientID: client.clientID, sequence: client.sequence, fore: fore))
            #expect([.tooSmall, .inval].contains(reply.status), "\(field)")
        }
    }

    @Test("more than one RDMA read limit is BADXDR")
    func rdma() async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        var fore = ChannelAttributes()
        fore.rdmaIRD = [1, 2]
        let reply = try await connection.compound(
            .createSession(clientID: client.clientID, sequence: client.sequence, fore: fore))
        #expect(reply.outcome == Outcome(.createSession, .badXDR))
    }

    @Test("a callback channel may be secured by AUTH_NONE or AUTH_SYS")
    func callbackSecurity() async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        let reply = try await connection.compound(
            .createSession(
                clientID: client.clientID, sequence: client.sequence, flags: Operation.createSessionBackChannel,
                security: [.none, .sys(uid: 0, gid: 0)]))
        #expect(reply.status == .ok)
    }

    @Test("outside a session CREATE_SESSION must be the only operation")
    func onlyOperation() async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        #expect(try await connection.compound(create(client), .putRootFH).outcome == Outcome(.createSession, .notOnlyOp))
    }

    @Test("a client may have several sessions, with slots of their own")
    func secondSession() async throws {
        let first = try await newSession()
        let second = try await first.run(.createSession(clientID: first.clientID, sequence: first.nextCreateSequence)).session
        #expect(second.id != first.id)
        #expect(try await first.connection.compound(.sequence(second.id, sequence: 1), .putRootFH).status == .ok)
        #expect(try await first.compound(.putRootFH).status == .ok)
    }
}
