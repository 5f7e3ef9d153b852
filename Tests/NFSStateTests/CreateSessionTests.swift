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
        #expect(result.session == session.id && result.sequence == 1 && result.flags == .backChannel)
        #expect(table[client.id] === client && client.renewed == seconds(9))
        #expect(try table.sessions.find(session.id) === session)
        #expect(session.isBound(7))
        #expect(try session.bind(7, .foreOrBoth) == [.fore, .back])
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
            #expect(throws: NFSStatus.staleClientid) { try table.destroyClientID(id, principal: root) }
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

    @Test mutating func wrongArgumentsUseTheSequenceUpAsWell() throws {
        let client = try table.exchange("a").0.client
        var unknownFlag = sessionRequest(client.id, 1)
        unknownFlag.flags = CreateSessionFlags(rawValue: 8)
        var unknownHandle = sessionRequest(client.id, 2)
        unknownHandle.refusal = .noent
        for (request, status) in [(unknownFlag, NFSStatus.inval), (unknownHandle, .noent)] {
            for _ in 0..<2 { #expect(throws: status) { try create(request) } }
        }
        #expect(table[client.id] == nil)
        var everything = sessionRequest(client.id, 3)
        everything.flags = [.persist, .backChannel, .rdma]
        guard case .created(let result, _, _) = try create(everything) else { Issue.record("no session"); return }
        #expect(result.flags == .backChannel)
    }

    @Test mutating func aBackChannelThatWasNotAskedForMayBeOfNoUse() throws {
        let client = try table.exchange("a").0.client
        var request = sessionRequest(client.id, 1, back: false)
        request.back.maximumRequests = 0
        guard case .created(let result, let session, _) = try create(request) else { Issue.record("no session"); return }
        #expect(result.flags == [] && result.back == request.back)
        #expect(try session.bind(7, .fore) == .fore)
        request.flags = .backChannel
        request.sequence = 2
        #expect(throws: NFSStatus.toosmall) { try create(request) }
    }

    @Test func channelIsGrantedWithinWhatWasAskedAndTheLimits() throws {
        let limits = StateLimits()
        let granted = try wide.granted(limits, slots: 100)
        #expect(granted.maximumRequest == UInt32(limits.messageBytes) && granted.maximumCachedResponse == UInt32(limits.cachedReplyBytes))
        #expect(granted.maximumOperations == 8 && granted.maximumRequests == 16)
        #expect(try wide.granted(limits, slots: 7).maximumRequests == 7)
        var extreme = wide
        extreme.maximumOperations = .max
        extreme.maximumCachedResponse = .max
        extreme.maximumResponse = 1000
        #expect(try extreme.granted(limits, slots: 7).maximumOperations == UInt32(limits.operations))
        #expect(try extreme.granted(limits, slots: 7).maximumCachedResponse == 1000)
        extreme.maximumOperations = 0
        extreme.maximumRequests = 0
        #expect(try extreme.granted(limits, slots: 7).maximumOperations == 1)
        #expect(try extreme.granted(limits, slots: 7).maximumRequests == 1)
    }

    @Test func channelsThatCouldNotCarryTheSmallestMessageAreTooSmall() throws {
        let limits = StateLimits()
        for (field, smallest) in [(\ChannelAttributes.maximumRequest, UInt32(88)), (\.maximumResponse, 80)] {
            var small = wide
            small[keyPath: field] = smallest
            #expect(try small.granted(limits, slots: 1)[keyPath: field] == smallest)
            small[keyPath: field] = smallest - 1
            #expect(throws: NFSStatus.toosmall) { try small.granted(limits, slots: 1) }
        }
        let least: [(WritableKeyPath<ChannelAttributes, UInt32>, UInt32)] = [
            (\.maximumRequest, 96), (\.maximumResponse, 76), (\.maximumOperations, 2), (\.maximumRequests, 1),
        ]
        for (field, smallest) in least {
            var small = narrow
            small[keyPath: field] = smallest
            #expect(try small.grantedForCallbacks() == small)
            small[keyPath: field] = smallest - 1
            #expect(throws: NFSStatus.toosmall) { try small.grantedForCallbacks() }
        }
    }

    @Test mutating func destroySessionEndsItForGood() throws {
        let (_, session, _) = try table.connect("a")
        let destroyed = try table.destroySession(session.id)
        #expect(destroyed === session)
        #expect(session.isDestroyed && !session.isBound(1))
        #expect(throws: NFSStatus.badsession) { try table.destroySession(session.id) }
        #expect(throws: NFSStatus.badsession) { try table.sessions.find(session.id) }
        session.adopt(1, .fore)
        #expect(!session.isBound(1))
        try table.checkInvariants()
    }

    @Test mutating func destroyClientIDNeedsAClientWithoutSessionsAndState() throws {
        let (client, session, _) = try table.connect("a")
        #expect(throws: NFSStatus.clientidBusy) { try table.destroyClientID(client.id, principal: root) }
        var states = FileStates(instance: instance, shard: 0, limits: StateLimits())
        let open = try states.open(file(1), client, .read)
        _ = try table.destroySession(session.id)
        #expect(throws: NFSStatus.clientidBusy) { try table.destroyClientID(client.id, principal: root) }
        _ = try states.close(open, of: file(1), client: client)
        let dropped = try table.destroyClientID(client.id, principal: root)
        #expect(dropped.client === client)
        #expect(throws: NFSStatus.staleClientid) { try table.destroyClientID(client.id, principal: root) }
        let unconfirmed = try table.exchange("b").0.client
        _ = try table.destroyClientID(unconfirmed.id, principal: root)
        #expect(unconfirmed.isGone)
        try table.checkInvariants()
    }
}
