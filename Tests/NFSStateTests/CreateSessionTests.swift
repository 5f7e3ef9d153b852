import NFSProtocol
import NFSState
import Testing

/// CREATE_SESSION, DESTROY_SESSION, DESTROY_CLIENTID (RFC 8881 §18.36, §18.37, §18.50).
struct CreateSessionTests {
    var table = clientTable()

    private mutating func create(
        _ request: CreateSessionRequest, as principal: Principal = root, now: MonotonicTime = seconds(0)
    ) throws(NFSStatus) -> CreateSessionOutcome {
        try table.createSession(request, principal: principal, connection: 7, now: now)
    }

    @Test mutating func firstSessionConfirmsTheClientAndRenewsItsLease() throws {
        let client = try table.exchange("a").0.client
        guard case .created(let result, let session, nil) = try create(sessionRequest(client.id, 1), now: seconds(9)) else {
            Issue.record("no session")
            return
        }
        #expect(result.session == session.id && result.sequence == 1 && result.hasBackChannel)
        #expect(table[client.id] === client && client.renewed == seconds(9))
        #expect(try table.sessions.find(session.id) === session)
        #expect(session.isBound(7) && session.backChannel == [7])
        try table.checkInvariants()
    }

    @Test mutating func aRetryGetsTheFirstResult() throws {
        let client = try table.exchange("a").0.client
        guard case .created(let first, _, _) = try create(sessionRequest(client.id, 1)) else { Issue.record("no session"); return }
        guard case .replay(let again) = try create(sessionRequest(client.id, 1)) else { Issue.record("no replay"); return }
        #expect(first == again && table.sessions.count == 1)
        guard case .created = try create(sessionRequest(client.id, 2)) else { Issue.record("no second session"); return }
        #expect(table.sessions.count == 2)
        try table.checkInvariants()
    }

    @Test mutating func sequenceBeforeTheFirstSuccessMustBeTheOneOfExchangeID() throws {
        let client = try table.exchange("a").0.client
        for wrong: UInt32 in [0, 2, .max] {
            #expect(throws: NFSStatus.seqMisordered) { try create(sessionRequest(client.id, wrong)) }
        }
        #expect(table[client.id] == nil)
        _ = try create(sessionRequest(client.id, 1))
        #expect(throws: NFSStatus.seqMisordered) { try create(sessionRequest(client.id, 3)) }
        #expect(throws: NFSStatus.seqMisordered) { try create(sessionRequest(client.id, 0)) }
    }

    @Test mutating func anotherPrincipalCannotConfirmButMayAddSessions() throws {
        let client = try table.exchange("a").0.client
        #expect(throws: NFSStatus.clidInuse) { try create(sessionRequest(client.id, 1), as: user) }
        #expect(table[client.id] == nil)
        _ = try create(sessionRequest(client.id, 1))
        guard case .created = try create(sessionRequest(client.id, 2), as: user) else { Issue.record("no session"); return }
        try table.checkInvariants()
    }

    @Test mutating func aFailureIsKeptForARetryAndUsesTheSequenceUp() throws {
        let client = try table.exchange("a").0.client
        var small = wide
        small.maximumResponse = 20
        #expect(throws: NFSStatus.toosmall) { try create(sessionRequest(client.id, 1, fore: small)) }
        #expect(throws: NFSStatus.toosmall) { try create(sessionRequest(client.id, 1)) }
        #expect(table[client.id] == nil, "a failure does not confirm")
        guard case .created = try create(sessionRequest(client.id, 2)) else { Issue.record("no session"); return }
    }

    @Test mutating func unknownClientsAreStale() throws {
        let client = try table.exchange("a").0.client
        for id in [ClientID(rawValue: 0), ClientID(rawValue: client.id.rawValue + 1), ClientID(rawValue: client.id.rawValue ^ 1 << 40)] {
            #expect(throws: NFSStatus.staleClientid) { try create(sessionRequest(id, 1)) }
            #expect(throws: NFSStatus.staleClientid) { try table.destroyClientID(id) }
        }
    }

    @Test func numbersAreBounded() throws {
        var table = clientTable {
            $0.sessionsPerClient = 2
            $0.sessions = 3
        }
        let (a, _, _) = try table.connect("a")
        let (b, _, _) = try table.connect("b")
        _ = try table.createSession(sessionRequest(a.id, 2), principal: root, connection: 1, now: seconds(0))
        for client in [a, b] {
            let next: UInt32 = client === a ? 3 : 2
            #expect(throws: NFSStatus.nospc) {
                try table.createSession(sessionRequest(client.id, next), principal: root, connection: 1, now: seconds(0))
            }
        }
        try table.checkInvariants()
    }

    @Test func channelIsGrantedWithinWhatWasAskedAndTheLimits() throws {
        let limits = StateLimits()
        let granted = try wide.granted(limits)
        #expect(granted.maximumRequest == UInt32(limits.messageBytes) && granted.maximumCachedResponse == UInt32(limits.cachedReplyBytes))
        #expect(granted.maximumOperations == 8 && granted.maximumRequests == 16)
        var huge = wide
        huge.maximumRequests = .max
        huge.maximumOperations = .max
        #expect(try huge.granted(limits).maximumRequests == UInt32(limits.slots))
        #expect(try huge.granted(limits).maximumOperations == UInt32(limits.operations))
        let useless: [WritableKeyPath<ChannelAttributes, UInt32>] = [
            \.maximumRequest, \.maximumResponse, \.maximumOperations, \.maximumRequests,
        ]
        for field in useless {
            var none = wide
            none[keyPath: field] = 0
            #expect(throws: NFSStatus.toosmall) { try none.granted(limits) }
            #expect(throws: NFSStatus.toosmall) { try none.grantedForCallbacks() }
        }
        #expect(try narrow.grantedForCallbacks() == narrow)
    }

    @Test mutating func destroySessionEndsItForGood() throws {
        let (_, session, _) = try table.connect("a")
        let destroyed = try table.destroySession(session.id)
        #expect(destroyed === session)
        #expect(session.isDestroyed && !session.isBound(1))
        #expect(throws: NFSStatus.badsession) { try table.destroySession(session.id) }
        #expect(throws: NFSStatus.badsession) { try table.sessions.find(session.id) }
        session.bind(1, .fore)
        #expect(!session.isBound(1))
        try table.checkInvariants()
    }

    @Test mutating func destroyClientIDNeedsAClientWithoutSessionsAndState() throws {
        let (client, session, _) = try table.connect("a")
        #expect(throws: NFSStatus.clientidBusy) { try table.destroyClientID(client.id) }
        var states = FileStates(instance: instance, shard: 0, limits: StateLimits())
        let open = try states.open(file(1), client, .read)
        _ = try table.destroySession(session.id)
        #expect(throws: NFSStatus.clientidBusy) { try table.destroyClientID(client.id) }
        _ = try states.close(open, of: file(1), client: client)
        let dropped = try table.destroyClientID(client.id)
        #expect(dropped.client === client)
        #expect(throws: NFSStatus.staleClientid) { try table.destroyClientID(client.id) }
        let unconfirmed = try table.exchange("b").0.client
        _ = try table.destroyClientID(unconfirmed.id)
        #expect(unconfirmed.isGone)
        try table.checkInvariants()
    }
}
