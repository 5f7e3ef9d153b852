import NFSProtocol
import NFSState
import Testing

/// The cases of RFC 8881 §18.35.4, by their numbers there.
struct ExchangeIDTests {
    var table = clientTable()

    @Test mutating func case1NewOwnerGetsAnUnconfirmedRecord() throws {
        let (result, dropped) = try table.exchange("a")
        #expect(!result.isConfirmed && result.sequence == 1 && dropped == nil)
        #expect(result.client.id.isOf(instance))
        #expect(table[result.client.id] == nil, "an unconfirmed client is not a client yet")
        let (other, _) = try table.exchange("b")
        #expect(other.client.id != result.client.id)
        try table.checkInvariants()
    }

    @Test mutating func case2SameClientGetsItsConfirmedRecord() throws {
        let (client, session, _) = try table.connect("a")
        let (result, dropped) = try table.exchange("a")
        #expect(result.client === client && result.isConfirmed && dropped == nil)
        #expect(!session.isDestroyed)
        try table.checkInvariants()
    }

    @Test mutating func case3CollisionIsRefusedWhileTheOtherHoldsASession() throws {
        let (client, _, _) = try table.connect("a")
        #expect(throws: NFSStatus.clidInuse) { try table.exchange("a", verifier: 2, as: user) }
        #expect(throws: NFSStatus.clidInuse) { try table.exchange("a", as: user, now: seconds(60)) }
        #expect(table[client.id] === client)
        try table.checkInvariants()
    }

    @Test mutating func case3CollisionIsRefusedWhileTheOtherHoldsAnOpen() throws {
        let (client, session, _) = try table.connect("a")
        var states = FileStates(instance: instance, shard: 0, limits: StateLimits())
        let open = try states.open(file(1), client, .read)
        _ = try table.destroySession(session.id)
        #expect(throws: NFSStatus.clidInuse) { try table.exchange("a", as: user) }
        _ = try states.close(open, of: file(1), client: client)
        let (_, dropped) = try table.exchange("a", as: user)
        #expect(dropped?.client === client)
    }

    @Test mutating func case3CollisionReplacesAClientWithoutState() throws {
        let (client, session, _) = try table.connect("a")
        _ = try table.destroySession(session.id)
        let (result, dropped) = try table.exchange("a", as: user)
        #expect(result.client.id != client.id && !result.isConfirmed)
        #expect(dropped?.client === client && dropped?.successor == nil && client.isGone)
        try table.checkInvariants()
    }

    @Test mutating func case3CollisionReplacesAnExpiredClient() throws {
        let (client, session, _) = try table.connect("a")
        let (_, dropped) = try table.exchange("a", as: user, now: seconds(61))
        #expect(dropped?.client === client && dropped?.sessions.first === session && session.isDestroyed)
        try table.checkInvariants()
    }

    @Test(arguments: [UInt64(1), 2], [root, user])
    mutating func case4UnconfirmedRecordIsReplaced(verifier: UInt64, principal: Principal) throws {
        let (first, _) = try table.exchange("a")
        let (second, dropped) = try table.exchange("a", verifier: verifier, as: principal)
        #expect(second.client.id != first.client.id && dropped == nil)
        #expect(throws: NFSStatus.staleClientid) {
            try table.createSession(sessionRequest(first.client.id, 1), principal: root, connection: 1, now: seconds(0))
        }
        try table.checkInvariants()
    }

    @Test mutating func case5RestartKeepsTheOldRecordUntilTheNewOneIsConfirmed() throws {
        let (old, oldSession, _) = try table.connect("a")
        old.setRecorded()
        let (result, dropped) = try table.exchange("a", verifier: 2)
        #expect(!result.isConfirmed && result.client.id != old.id && dropped == nil)
        #expect(!oldSession.isDestroyed && table[old.id] === old)
        try table.checkInvariants()
        // The old start of the client can still be asked for, and the new one be given up.
        let (again, _) = try table.exchange("a", verifier: 1)
        #expect(again.client === old)

        let request = sessionRequest(result.client.id, result.sequence)
        guard case .created(_, _, let displaced?) = try table.createSession(request, principal: root, connection: 1, now: seconds(0))
        else { Issue.record("CREATE_SESSION did not displace the old record"); return }
        #expect(displaced.client === old && displaced.successor === result.client && displaced.sessions.first === oldSession)
        #expect(oldSession.isDestroyed && old.isGone && table[old.id] == nil)
        #expect(result.client.isRecorded, "the owner's name is still on stable storage")
        try table.checkInvariants()
    }

    @Test mutating func case6UpdateOfTheConfirmedRecord() throws {
        let (client, _, _) = try table.connect("a")
        let (result, _) = try table.exchange("a", update: true)
        #expect(result.client === client && result.isConfirmed)
    }

    @Test mutating func case7UpdateWithoutAConfirmedRecord() throws {
        #expect(throws: NFSStatus.noent) { try table.exchange("a", update: true) }
        _ = try table.exchange("a")
        #expect(throws: NFSStatus.noent) { try table.exchange("a", update: true) }
        try table.checkInvariants()
    }

    @Test(arguments: [root, user])
    mutating func case8UpdateWithTheWrongVerifier(principal: Principal) throws {
        _ = try table.connect("a")
        #expect(throws: NFSStatus.notSame) { try table.exchange("a", verifier: 2, as: principal, update: true) }
    }

    @Test mutating func case9UpdateByTheWrongPrincipal() throws {
        _ = try table.connect("a")
        #expect(throws: NFSStatus.perm) { try table.exchange("a", as: user, update: true) }
    }

    @Test func unconfirmedRecordsAreBoundedAndTheOldestGivesWay() throws {
        var table = clientTable { $0.unconfirmedClients = 3 }
        let (confirmed, _, _) = try table.connect("confirmed")
        let first = try table.exchange("0", now: seconds(1)).0.client
        for number in 1...9 { _ = try table.exchange("\(number)", now: seconds(UInt64(number) + 1)) }
        #expect(first.isGone && !confirmed.isGone)
        try table.checkInvariants()
    }

    @Test func confirmedRecordsAreBoundedAndNeverGiveWay() throws {
        var table = clientTable { $0.clients = 2 }
        let (a, _, _) = try table.connect("a")
        _ = try table.connect("b")
        #expect(throws: NFSStatus.delay) { try table.exchange("c") }
        #expect(!a.isGone)
        try table.checkInvariants()
    }
}
