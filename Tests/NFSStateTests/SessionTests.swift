import NFSProtocol
import NFSState
import Testing

/// Slots and the reply cache (RFC 8881 §2.10.6, §18.46).
struct SessionTests {
    let session: Session

    init() throws {
        var table = clientTable()
        session = try table.connect("a").session
    }

    private func begin(_ sequence: UInt32, slot: UInt32 = 0, highest: UInt32 = 0, print: UInt64 = 5) throws(NFSStatus) -> SlotStart {
        try session.begin(slot: slot, sequence: sequence, highest: highest, cacheThis: true, fingerprint: print)
    }

    /// Runs a request to its end.
    private func run(_ sequence: UInt32, slot: UInt32 = 0, print: UInt64 = 5, keeping reply: [UInt8]?) throws(NFSStatus) {
        guard case .new(let use) = try begin(sequence, slot: slot, print: print) else { throw .serverfault }
        if let reply { session.finish(use, keeping: reply.span.bytes) } else { session.finish(use, keeping: nil) }
    }

    private func replay(_ sequence: UInt32, slot: UInt32 = 0, print: UInt64 = 5) throws(NFSStatus) -> [UInt8] {
        guard case .replay(let reply) = try begin(sequence, slot: slot, print: print) else { throw .serverfault }
        return reply
    }

    @Test func aRetryGetsTheKeptReplyAgainAndAgain() throws {
        try run(1, keeping: [1, 2, 3])
        for _ in 0..<3 { #expect(try replay(1) == [1, 2, 3]) }
        try run(2, keeping: [4])
        #expect(try replay(2) == [4])
    }

    @Test func aReplyGivenOutIsNotChangedByTheNextRequest() throws {
        try run(1, keeping: [1, 2, 3])
        let reply = try replay(1)
        try run(2, keeping: [9, 9, 9])
        #expect(reply == [1, 2, 3])
    }

    @Test func aFreshSlotHasNoReplyForSequenceZero() {
        #expect(throws: NFSStatus.seqMisordered) { try begin(0) }
    }

    @Test(arguments: [UInt32(0), 3, 4, .max])
    func sequencesOutOfOrderAreMisordered(sequence: UInt32) throws {
        try run(1, keeping: nil)
        try run(2, keeping: nil)
        #expect(status { () throws(NFSStatus) in _ = try begin(sequence) } == (sequence == 3 ? .ok : .seqMisordered))
    }

    @Test func aRetryWhileTheRequestRunsIsDelayed() throws {
        guard case .new(let use) = try begin(1) else { Issue.record("not new"); return }
        #expect(throws: NFSStatus.delay) { try begin(1) }
        #expect(throws: NFSStatus.seqMisordered) { try begin(2) }
        session.finish(use, keeping: [UInt8(7)].span.bytes)
        #expect(try replay(1) == [7])
    }

    private func expectNotKept(_ sequence: UInt32, print: UInt64 = 5) throws {
        guard case .notKept(SlotRange(highest: 15, target: 15)) = try begin(sequence, print: print) else {
            Issue.record("the reply to \(sequence) is there")
            return
        }
    }

    @Test func aReplyThatWasNotKeptIsSaidToBeSo() throws {
        try run(1, keeping: nil)
        try expectNotKept(1)
        try run(2, keeping: [UInt8](repeating: 0, count: Int(session.fore.maximumCachedResponse) + 1))
        for _ in 0..<2 { try expectNotKept(2) }
        try run(3, keeping: [UInt8](repeating: 1, count: Int(session.fore.maximumCachedResponse)))
        #expect(try replay(3).count == Int(session.fore.maximumCachedResponse))
    }

    @Test func anotherRequestUnderAUsedSequenceIsAFalseRetry() throws {
        try run(1, print: 5, keeping: [1])
        #expect(throws: NFSStatus.seqFalseRetry) { try begin(1, print: 6) }
        #expect(try replay(1, print: 5) == [1])
        try run(2, print: 6, keeping: nil)
        #expect(throws: NFSStatus.seqFalseRetry) { try begin(2, print: 5) }
        guard case .new(let use) = try begin(3, print: 5) else { Issue.record("not new"); return }
        #expect(throws: NFSStatus.seqFalseRetry) { try begin(3, print: 6) }
        session.finish(use, keeping: nil)
    }

    @Test func slotsAreIndependentAndBounded() throws {
        let highest = session.fore.maximumRequests - 1
        try run(1, slot: 0, keeping: [0])
        try run(1, slot: highest, keeping: [1])
        #expect(try replay(1, slot: 0) == [0])
        #expect(throws: NFSStatus.badslot) { try begin(1, slot: highest + 1) }
        #expect(throws: NFSStatus.badslot) { try begin(1, slot: .max) }
        #expect(throws: NFSStatus.badHighSlot) { try begin(2, highest: highest + 1) }
        try run(2, keeping: nil)
    }

    @Test func aDestroyedSessionAnswersNothing() throws {
        var table = clientTable()
        let session = try table.connect("a").session
        guard case .new(let use) = try session.begin(slot: 0, sequence: 1, highest: 0, cacheThis: true, fingerprint: 0) else { return }
        _ = try table.destroySession(session.id)
        #expect(throws: NFSStatus.badsession) {
            try session.begin(slot: 1, sequence: 1, highest: 0, cacheThis: false, fingerprint: 0)
        }
        session.finish(use, keeping: nil)
    }

    @Test(
        arguments: [
            (.fore, .fore), (.back, .back), (.foreOrBoth, [.fore, .back]), (.backOrBoth, [.fore, .back]),
        ] as [(Session.Direction, Session.Channels)])
    func aNewConnectionIsBoundAsTheClientWants(direction: Session.Direction, channels: Session.Channels) throws {
        #expect(try session.bind(2, direction) == channels)
        #expect(session.isBound(2))
        // One that only sent a SEQUENCE before is new.
        try session.associate(3)
        #expect(session.isBound(3))
        #expect(try session.bind(3, direction) == channels)
    }

    @Test func aConnectionKeepsTheChannelsItWasBoundTo() throws {
        let outcomes: [(bound: Session.Direction, wanted: Session.Direction, channels: Session.Channels?)] = [
            (.fore, .fore, .fore), (.fore, .back, nil), (.fore, .foreOrBoth, .fore), (.fore, .backOrBoth, nil),
            (.back, .fore, nil), (.back, .back, .back), (.back, .foreOrBoth, nil), (.back, .backOrBoth, .back),
            (.foreOrBoth, .fore, nil), (.foreOrBoth, .back, nil), (.foreOrBoth, .foreOrBoth, [.fore, .back]),
            (.foreOrBoth, .backOrBoth, [.fore, .back]),
        ]
        for (number, outcome) in outcomes.enumerated() {
            let connection = ConnectionID(number + 10)
            _ = try session.bind(connection, outcome.bound)
            try session.associate(connection)
            if let channels = outcome.channels {
                #expect(try session.bind(connection, outcome.wanted) == channels)
            } else {
                #expect(throws: NFSStatus.inval) { try session.bind(connection, outcome.wanted) }
            }
        }
        session.unbind(10)
        #expect(!session.isBound(10))
    }

    // MARK: What SEQUENCE says of the back channel

    @Test func onlyALostBackChannelIsDown() throws {
        var table = clientTable()
        let (client, first, _) = try table.connect("a")
        guard
            case .created(_, let second, _) = try table.createSession(
                sessionRequest(client.id, 2), principal: root, connection: 2, now: seconds(0))
        else { throw NFSStatus.serverfault }
        func expect(_ one: SequenceStatus, _ other: SequenceStatus, works: Bool, _ location: SourceLocation = #_sourceLocation) {
            #expect(first.status == one && second.status == other, sourceLocation: location)
            #expect(client.hasBackChannel == works, sourceLocation: location)
        }
        expect([], [], works: false)
        first.setBackChannel(.untested)
        expect([], [], works: false)
        first.setBackChannel(.works)
        expect([], [], works: true)
        first.setBackChannel(.lost)
        expect([.callbackPathDown, .callbackPathDownSession], .callbackPathDown, works: false)
        second.setBackChannel(.works)
        expect(.callbackPathDownSession, [], works: true)
        second.setBackChannel(.faulty)
        expect([.callbackPathDown, .callbackPathDownSession], [.callbackPathDown, .backChannelFault], works: false)
        _ = try table.destroySession(first.id)
        #expect(second.status == .backChannelFault)
        first.setBackChannel(.lost)
        #expect(second.status == .backChannelFault, "a session that is destroyed has no back channel")
    }

    @Test func contextsForCallbacksAreToldOfFromALeaseBeforeTheirEndOn() throws {
        var table = clientTable()
        let (_, session, _) = try table.connect("a")
        func expect(_ status: SequenceStatus, at nanoseconds: UInt64, _ location: SourceLocation = #_sourceLocation) {
            let now = MonotonicTime(nanoseconds: nanoseconds)
            #expect(session.backChannelStatus(now: now, leaseSeconds: 60) == status, sourceLocation: location)
        }
        let (end, lease) = (seconds(1000).nanoseconds, seconds(60).nanoseconds)
        expect([], at: .max - 1)
        session.setBackChannel(.works, contextsEnd: MonotonicTime(nanoseconds: end))
        expect([], at: end - lease - 1)
        expect(.callbackContextsExpiring, at: end - lease)
        expect(.callbackContextsExpiring, at: end - 1)
        expect(.callbackContextsExpired, at: end)
        expect(.callbackContextsExpired, at: .max)
        session.setBackChannel(.works, contextsEnd: MonotonicTime(nanoseconds: end + 1000))
        expect(.callbackContextsExpiring, at: end)
        // One that has no end.
        session.setBackChannel(.works, contextsEnd: MonotonicTime(nanoseconds: .max))
        expect([], at: .max - 1)
    }

    /// Exactly once: whatever retries come in between, each sequence id runs once, and its retries get its reply.
    @Test(arguments: 1...8) func historiesRunEachRequestOnce(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var last: UInt32 = 0
        var kept: [UInt8]?
        for _ in 0..<500 {
            let sequence = last &+ UInt32(random.below(4)) &- 1
            let status: NFSStatus?
            do throws(NFSStatus) {
                switch try begin(sequence, print: UInt64(sequence)) {
                case .new(let use):
                    #expect(sequence == last + 1)
                    last = sequence
                    kept = random.below(2) == 0 ? [UInt8(truncatingIfNeeded: sequence), 1] : nil
                    if let kept { session.finish(use, keeping: kept.span.bytes) } else { session.finish(use, keeping: nil) }
                case .replay(let reply): #expect(sequence == last && reply == kept)
                case .notKept: #expect(sequence == last && kept == nil)
                }
                status = nil
            } catch { status = error }
            if sequence != last { #expect(status == .seqMisordered) }
        }
        #expect(last > 50)
    }
}

extension Session {
    /// What SEQUENCE tells of the back channel at the beginning of time.
    fileprivate var status: SequenceStatus { backChannelStatus(now: seconds(0), leaseSeconds: 60) }
}
