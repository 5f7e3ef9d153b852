import ConformanceRecord
import NFSTestClient
import Testing

@Suite("CREATE_SESSION (RFC 8881 §18.36)", .covers(.createSession))
struct CreateSessionTests {
    private func newClient(_ connection: Connection) async throws -> ExchangeIDResult {
        try await connection.compound(.exchangeID(.unique())).succeeded().exchangeID
    }

    private func create(_ client: ExchangeIDResult, skipping: UInt32 = 0) -> Operation {
        .createSession(clientID: client.clientID, sequence: client.sequence &+ skipping)
    }

    @Test("a modest channel is granted as it was asked for, without padding and RDMA")
    func negotiation() async throws {
        var wanted = ChannelAttributes()
        wanted.headerPadSize = 64
        wanted.maxRequestSize = 70_000
        wanted.maxResponseSize = 70_001
        wanted.maxResponseSizeCached = 2000
        wanted.maxOperations = 9
        wanted.maxRequests = 3
        let granted = try await newSession(fore: wanted).created.fore
        wanted.headerPadSize = 0
        #expect(granted == wanted)
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
        #expect((1 << 20...1 << 21).contains(granted.maxRequestSize))
        #expect((1 << 20...1 << 21).contains(granted.maxResponseSize))
        #expect((1024...65536).contains(granted.maxResponseSizeCached))
        #expect((16...1024).contains(granted.maxOperations))
        #expect((4...1024).contains(granted.maxRequests))
    }

    @Test("sizes may be the smallest a SEQUENCE fits into, and one byte less is TOOSMALL")
    func smallestSizes() async throws {
        let connection = try await newConnection()
        for (field, smallest) in [(\ChannelAttributes.maxRequestSize, UInt32(88)), (\.maxResponseSize, 80)] {
            var fore = ChannelAttributes()
            fore[keyPath: field] = smallest
            let granted = try await newSession(fore: fore, reclaimComplete: false).created.fore
            #expect(granted[keyPath: field] == smallest)
            fore[keyPath: field] = smallest - 1
            let client = try await newClient(connection)
            let reply = try await connection.compound(.createSession(clientID: client.clientID, sequence: client.sequence, fore: fore))
            #expect(reply.outcome == Outcome(.createSession, .tooSmall))
        }
    }

    @Test("no operations and no slots are raised to one of each")
    func countsAreRaised() async throws {
        var fore = ChannelAttributes()
        fore.maxOperations = 0
        fore.maxRequests = 0
        let session = try await newSession(fore: fore, reclaimComplete: false)
        #expect(session.created.fore.maxOperations == 1)
        #expect(session.created.fore.maxRequests == 1)
        #expect(try await session.compound().status == .ok)
        #expect(try await session.compound(.putRootFH).outcome == Outcome(.sequence, .tooManyOps))
    }

    @Test("a reply is not kept that is longer than any reply may be")
    func cachedSize() async throws {
        var fore = ChannelAttributes()
        fore.maxResponseSize = 1000
        fore.maxResponseSizeCached = 2000
        #expect(try await newSession(fore: fore).created.fore.maxResponseSizeCached == 1000)
    }

    @Test("the back channel is taken as the client offers it: its numbers must not be changed")
    func backChannelNegotiation() async throws {
        var back = ChannelAttributes()
        back.maxRequestSize = 4096
        back.maxResponseSize = 4095
        back.maxResponseSizeCached = 0
        back.maxOperations = 2
        back.maxRequests = 5000
        for flags in [0, Operation.createSessionBackChannel] {
            let connection = try await newConnection()
            let client = try await newClient(connection)
            let create = Operation.createSession(clientID: client.clientID, sequence: client.sequence, flags: flags, back: back)
            let session = try await connection.compound(create).succeeded().session
            #expect(session.back == back)
            #expect(session.flags == flags)
        }
    }

    @Test("a back channel too small for any call is TOOSMALL")
    func backChannelTooSmall() async throws {
        let connection = try await newConnection()
        for (field, size) in [
            (\ChannelAttributes.maxRequestSize, UInt32(95)), (\.maxResponseSize, 75), (\.maxOperations, 1), (\.maxRequests, 0),
        ] {
            let client = try await newClient(connection)
            var back = ChannelAttributes()
            back[keyPath: field] = size
            let create = Operation.createSession(
                clientID: client.clientID, sequence: client.sequence, flags: Operation.createSessionBackChannel, back: back)
            #expect(try await connection.compound(create).outcome == Outcome(.createSession, .tooSmall))
        }
    }

    @Test("an RPCSEC_GSS handle the server has not made is NOENT")
    func unknownHandle() async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        let create = Operation.createSession(
            clientID: client.clientID, sequence: client.sequence, flags: Operation.createSessionBackChannel,
            security: [.none, .gss(handle: [1, 2, 3, 4])])
        #expect(try await connection.compound(create).outcome == Outcome(.createSession, .noEnt))
    }

    @Test("a security flavour that may not stand there is BADXDR")
    func undefinedFlavor() async throws {
        let connection = try await newConnection()
        let client = try await newClient(connection)
        let create = Operation.createSession(clientID: client.clientID, sequence: client.sequence, security: [.undefined])
        #expect(try await connection.compound(create).outcome == Outcome(.createSession, .badXDR))
        #expect(try await connection.compound(self.create(client)).status == .ok)
    }

    @Test("more sessions than one client may have are NOSPC")
    func tooManySessions() async throws {
        let session = try await newSession()
        var sequence = session.nextCreateSequence
        var reply = try await session.connection.compound(.createSession(clientID: session.clientID, sequence: sequence))
        while reply.status == .ok, sequence < 200 {
            sequence += 1
            reply = try await session.connection.compound(.createSession(clientID: session.clientID, sequence: sequence))
        }
        #expect(reply.outcome == Outcome(.createSession, .noSpc))
        // Kept for a retry as any answer, and the next request has the next number.
        #expect(try await session.connection.compound(.destroySession(session.id)).status == .ok)
        let again = try await session.connection.compound(.createSession(clientID: session.clientID, sequence: sequence))
        #expect(again.outcome == Outcome(.createSession, .noSpc))
        #expect(try await session.connection.compound(.createSession(clientID: session.clientID, sequence: sequence + 1)).status == .ok)
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
        #expect(try await connection.compound(create(client)).outcome == Outcome(.createSession, .inval), "the number is used up")
        #expect(try await connection.compound(create(client, skipping: 1)).status == .ok)
    }

    @Test("a retry may come inside a session, and with other arguments it is answered all the same")
    func replayInsideSession() async throws {
        let session = try await newSession()
        var fore = ChannelAttributes()
        fore.maxRequests = 2
        let create = Operation.createSession(clientID: session.clientID, sequence: session.nextCreateSequence)
        let first = try await session.connection.compound(create).succeeded().session
        let other = Operation.createSession(clientID: session.clientID, sequence: session.nextCreateSequence, fore: fore)
        #expect(try await session.run(other).session == first)
    }

    @Test("a failed CREATE_SESSION confirms nothing")
    func failureDoesNotConfirm() async throws {
        let connection = try await newConnection()
        let owner = ClientOwner.unique()
        let client = try await connection.compound(.exchangeID(owner)).succeeded().exchangeID
        _ = try await connection.compound(.createSession(clientID: client.clientID, sequence: client.sequence, flags: 8))
        #expect(try await connection.compound(.exchangeID(owner, flags: .updateConfirmedRecord)).status == .noEnt)
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
