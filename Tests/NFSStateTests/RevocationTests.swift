import NFSProtocol
import NFSState
import Testing

/// What becomes of stateids whose state was revoked (RFC 8881 §8.2.4, §8.4.3, §8.5, §18.38, §18.46.3).
struct RevocationTests {
    var table = clientTable()
    var states = FileStates(instance: instance, shard: 0, limits: StateLimits())
    let a: Client
    let b: Client

    init() throws {
        a = try table.connect("a").client
        b = try table.connect("b").client
    }

    private mutating func lock(_ client: Client, _ open: StateID) throws -> StateID {
        try states.lock(
            file(1), client: client, locker: .openToLockOwner(open: open, owner: bytes("x")), type: .write,
            range: ByteRange(offset: 0, length: 10)
        ).granted()
    }

    @Test(arguments: [(Revocation.expired, NFSStatus.expired), (.administrative, .adminRevoked)])
    mutating func revokedStateidsSaySoUntilTheyAreFreed(revocation: Revocation, status: NFSStatus) throws {
        let open = try states.open(file(1), a, .both)
        let held = try lock(a, open)
        let others = try states.open(file(1), b, .both)
        #expect(a.beginRevocation())
        #expect(!a.beginRevocation(), "it is under way")
        #expect(states.revokeAll(of: a, as: revocation, now: seconds(0)).resources.count == 1)
        a.endRevocation()
        #expect(a.stateFlags == (revocation == .expired ? .expiredAllStateRevoked : .adminStateRevoked))
        #expect(a.stateCount == 0 && a.revokedCount == 2 && states.revokedCount(of: a) == 2)
        for stateID in [open, held] {
            // The revocation is told before a wrong seqid or kind is (§8.2.4).
            for stateID in [stateID, StateID(seqid: 77, other: stateID.other)] {
                #expect(states.test(stateID, client: a) == status)
                #expect(states.test(stateID, client: b) == .badStateid)
                #expect(throws: status) { try states.check(stateID, of: file(1), client: a, access: .read) }
                #expect(throws: status) { try states.close(stateID, of: file(1), client: a) }
                #expect(throws: status) { try states.unlock(stateID, of: file(1), client: a, range: .init(offset: 0, length: 1)) }
                #expect(throws: status) { try lock(a, stateID) }
                #expect(throws: status) { try states.downgrade(stateID, of: file(1), client: a, access: .read, deny: []) }
                #expect(throws: NFSStatus.badStateid) { try states.close(stateID, of: file(2), client: a) }
                #expect(throws: NFSStatus.badStateid) { try states.close(stateID, of: file(1), client: b) }
                #expect(throws: NFSStatus.badStateid) { try states.free(stateID, client: b) }
            }
        }
        _ = try lock(b, others)
        try states.checkInvariants()
        try states.free(StateID(seqid: 0, other: open.other), client: a)
        #expect(a.stateFlags != [] && states.test(open, client: a) == .badStateid)
        #expect(throws: NFSStatus.badStateid) { try states.free(open, client: a) }
        try states.free(held, client: a)
        #expect(a.stateFlags == [] && a.revokedCount == 0)
        try states.checkInvariants()
    }

    @Test mutating func nothingNewIsHeldBeforeTheClientIsRecordedAgain() throws {
        a.setRecorded()
        try a.completeReclaim()
        let open = try states.open(file(1), a, .both)
        #expect(a.beginRevocation())
        #expect(throws: NFSStatus.delay) { try states.open(file(1), a, .write) }
        #expect(throws: NFSStatus.delay) { try states.open(file(2), a, .write) }
        #expect(throws: NFSStatus.delay) { try lock(a, open) }
        #expect(states.revokeAll(of: a, as: .administrative, now: seconds(0)).resources.count == 1)
        a.endRevocation()
        #expect(throws: NFSStatus.delay) { try states.open(file(2), a, .write) }
        a.setRecorded()
        _ = try states.open(file(2), a, .write)
        #expect(a.stateFlags == .adminStateRevoked, "what is new is no acknowledgement")
        try states.checkInvariants()
    }

    @Test mutating func aClientKnowsOnceItReadAReplyOrFreedAStateid() throws {
        let open = try states.open(file(1), a, .read)
        let session = SessionID(high: 1, low: 1)
        func revoke(_ states: inout FileStates) {
            #expect(a.beginRevocation())
            _ = states.revokeAll(of: a, as: .expired, now: seconds(0))
            a.endRevocation()
            #expect(!a.knowsOfRevocation)
        }
        revoke(&states)
        a.tell(on: session, slot: 0, sequence: 5)
        a.tell(on: session, slot: 1, sequence: 9)
        a.tell(on: SessionID(high: 1, low: 2), slot: 0, sequence: 6)
        #expect(!a.knowsOfRevocation, "it may have got none of the replies")
        a.tell(on: session, slot: 1, sequence: 10)
        #expect(a.knowsOfRevocation)
        revoke(&states)
        a.tell(on: session, slot: 1, sequence: 11)
        #expect(!a.knowsOfRevocation, "another revocation is told anew")
        try states.free(open, client: a)
        #expect(a.knowsOfRevocation)
    }

    @Test mutating func aRevokedStateidCountsAsWhatAClientMayHold() throws {
        var limits = StateLimits()
        limits.statesPerClient = 3
        var states = FileStates(instance: instance, shard: 0, limits: limits)
        let opens = try (UInt8(0)..<3).map { try states.open(file($0), a, .read) }
        #expect(a.beginRevocation())
        _ = states.revokeAll(of: a, as: .expired, now: seconds(0))
        a.endRevocation()
        #expect(throws: NFSStatus.serverfault) { try states.open(file(9), a, .read) }
        try states.free(opens[1], client: a)
        _ = try states.open(file(9), a, .read)
        try states.checkInvariants()
    }

    @Test mutating func aClientThatIsGoneLeavesNoRevokedStateid() throws {
        _ = try states.open(file(1), a, .read)
        #expect(a.beginRevocation())
        _ = states.revokeAll(of: a, as: .expired, now: seconds(0))
        a.endRevocation()
        #expect(try table.takeName("a")?.client === a)
        _ = states.dropAll(of: a, now: seconds(0))
        #expect(a.revokedCount == 0 && states.revokedCount(of: a) == 0)
        try states.checkInvariants()
    }
}
