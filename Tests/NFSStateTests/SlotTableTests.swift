import NFSProtocol
import NFSState
import Testing

/// Slot tables that grow and shrink (RFC 8881 §2.10.6.1).
struct SlotTableTests {
    /// A client that numbers its requests on each slot and says which are outstanding.
    struct WellBehaved {
        let session: Session
        var sequences: [UInt32: UInt32] = [:]
        var outstanding: [UInt32: SlotUse] = [:]

        init(_ session: Session) { self.session = session }

        mutating func send(on slot: UInt32) throws(NFSStatus) {
            let sequence = sequences[slot, default: 0] &+ 1
            let used = max(slot, outstanding.keys.max() ?? 0)
            let start = try session.begin(slot: slot, sequence: sequence, highest: used, cacheThis: true, fingerprint: UInt64(sequence))
            guard case .new(let use) = start else { throw .serverfault }
            sequences[slot] = sequence
            outstanding[slot] = use
            session.finish(use, keeping: [UInt8](repeating: 7, count: 100).span.bytes)
        }

        mutating func read(_ slot: UInt32) { outstanding[slot] = nil }

        mutating func run(on slot: UInt32) throws(NFSStatus) -> SlotRange {
            try send(on: slot)
            let range = outstanding[slot]?.range
            read(slot)
            return range ?? SlotRange(highest: 0, target: 0)
        }
    }

    private func table(_ slotsOfAllSessions: Int, minimum: Int = 2, slots: Int = 32) -> ClientTable {
        clientTable {
            $0.slotsOfAllSessions = slotsOfAllSessions
            $0.minimumSlots = minimum
            $0.slots = slots
        }
    }

    private func add(_ table: inout ClientTable, _ client: Client, _ sequence: UInt32, slots: UInt32 = .max) throws -> Session {
        var fore = wide
        fore.maximumRequests = slots
        let request = sessionRequest(client.id, sequence, fore: fore)
        guard case .created(_, let session, _) = try table.createSession(request, principal: root, connection: 1, now: seconds(0))
        else { throw NFSStatus.serverfault }
        return session
    }

    @Test func aNewSessionGetsItsShareOfTheSlots() throws {
        var table = table(100, minimum: 20, slots: 64)
        let client = try table.exchange("a").0.client
        let granted = try (1...5).map { try add(&table, client, $0).fore.maximumRequests }
        #expect(granted == [64, 50, 33, 25, 20])
        #expect(try add(&table, client, 6).fore.maximumRequests == 20)
        #expect(try add(&table, client, 7, slots: 3).fore.maximumRequests == 3)
    }

    @Test func theTargetFallsAsSessionsComeAndRisesAsTheyGo() throws {
        var table = table(32)
        let client = try table.exchange("a").0.client
        var user = WellBehaved(try add(&table, client, 1, slots: 16))
        #expect(try user.run(on: 0) == SlotRange(highest: 15, target: 15))
        let others = try (2...8).map { try add(&table, client, $0) }
        #expect(try user.run(on: 0) == SlotRange(highest: 15, target: 3))
        for other in others.dropFirst(2) { _ = try table.destroySession(other.id) }
        #expect(try user.run(on: 0) == SlotRange(highest: 15, target: 9))
        for other in others.prefix(2) { _ = try table.destroySession(other.id) }
        #expect(try user.run(on: 0) == SlotRange(highest: 15, target: 15))
        #expect(try user.run(on: 15) == SlotRange(highest: 15, target: 15))
    }

    @Test func aTableGrowsToWhatTheClientAskedForAndNoFurther() throws {
        var table = table(32)
        let client = try table.exchange("a").0.client
        let others = try (1...7).map { try add(&table, client, $0) }
        var user = WellBehaved(try add(&table, client, 8, slots: 10))
        #expect(user.session.fore.maximumRequests == 4)
        #expect(throws: NFSStatus.badslot) { try user.send(on: 4) }
        for other in others { _ = try table.destroySession(other.id) }
        #expect(try user.run(on: 0) == SlotRange(highest: 9, target: 9))
        #expect(try user.run(on: 9) == SlotRange(highest: 9, target: 9))
        #expect(throws: NFSStatus.badslot) { try user.send(on: 10) }
    }

    @Test func repliesAboveTheTargetAreFreedWhenTheClientKnowsItAndUsesNoSlotThere() throws {
        var table = table(32)
        let client = try table.exchange("a").0.client
        let session = try add(&table, client, 1, slots: 16)
        var user = WellBehaved(session)
        for slot in 0..<UInt32(16) { try user.send(on: slot) }
        #expect(session.keptBytes == 1600)
        for number in 2...8 as ClosedRange<UInt32> { _ = try add(&table, client, number) }
        // The replies are not read yet: nothing may go.
        for slot in 0..<UInt32(16) { user.read(slot) }
        // The client has read all, and uses slot 12 still, without knowing that it should not.
        #expect(try user.run(on: 12) == SlotRange(highest: 15, target: 3))
        #expect(try user.run(on: 0) == SlotRange(highest: 15, target: 3))
        #expect(session.keptBytes == 1600, "nothing shows yet that the client has read that it has four slots only")
        guard case .replay = try session.begin(slot: 12, sequence: 2, highest: 12, cacheThis: true, fingerprint: 2) else {
            Issue.record("the reply is gone too early")
            return
        }
        _ = try user.run(on: 0)
        #expect(session.keptBytes == 400)
        guard case .notKept = try session.begin(slot: 12, sequence: 2, highest: 12, cacheThis: true, fingerprint: 2) else {
            Issue.record("the reply is still there")
            return
        }
    }

    @Test func aSlotTheClientStillUsesStays() throws {
        var table = table(32)
        let client = try table.exchange("a").0.client
        let session = try add(&table, client, 1, slots: 16)
        var user = WellBehaved(session)
        try user.send(on: 9)
        for number in 2...8 as ClosedRange<UInt32> { _ = try add(&table, client, number) }
        for _ in 0..<5 { #expect(try user.run(on: 0) == SlotRange(highest: 15, target: 3)) }
        guard case .replay = try session.begin(slot: 9, sequence: 1, highest: 9, cacheThis: true, fingerprint: 1) else {
            Issue.record("the reply is gone, though the client has not read it")
            return
        }
    }

    @Test func aSlotWhoseReplyWasFreedGoesOnWhereItWas() throws {
        var table = table(32)
        let client = try table.exchange("a").0.client
        var user = WellBehaved(try add(&table, client, 1, slots: 16))
        for _ in 0..<3 { _ = try user.run(on: 10) }
        for number in 2...8 as ClosedRange<UInt32> { _ = try add(&table, client, number) }
        for _ in 0..<3 { _ = try user.run(on: 0) }
        #expect(user.session.keptBytes == 100)
        for wrong: UInt32 in [0, 1, 2, 5] {
            #expect(throws: NFSStatus.seqMisordered) {
                try user.session.begin(slot: 10, sequence: wrong, highest: 10, cacheThis: true, fingerprint: 0)
            }
        }
        #expect(try user.run(on: 10) == SlotRange(highest: 15, target: 3))
        #expect(user.session.keptBytes == 200, "a reply on a slot the client uses all the same is kept")
    }

    /// Sessions come and go while clients use slots at random and read replies in any order: none of them is ever refused.
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func noHistoryRefusesAClient(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var table = table(32)
        let client = try table.exchange("a").0.client
        var user = WellBehaved(try add(&table, client, 1, slots: 16))
        var others: [Session] = []
        var sequence: UInt32 = 1
        var limit: UInt32 = user.session.fore.maximumRequests
        for _ in 0..<2000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0 where others.count < 12:
                sequence += 1
                others.append(try add(&table, client, sequence))
            case 1 where !others.isEmpty: _ = try table.destroySession(others.remove(at: .random(in: others.indices, using: &random)).id)
            case 2...6:
                let free = (0..<limit).filter { user.outstanding[$0] == nil }
                if let slot = free.randomElement(using: &random) { try user.send(on: slot) }
            default:
                guard let slot = user.outstanding.keys.sorted().randomElement(using: &random), let use = user.outstanding[slot] else {
                    continue
                }
                let again = try user.session.begin(
                    slot: slot, sequence: use.sequence, highest: user.outstanding.keys.max() ?? 0, cacheThis: true,
                    fingerprint: UInt64(use.sequence))
                guard case .replay = again else {
                    Issue.record("the reply on slot \(slot) was gone before the client had read it")
                    return
                }
                // The oldest advice is as good as the newest: what may be used never shrinks.
                limit = max(1, Bool.random(using: &random) ? use.range.target + 1 : use.range.highest + 1)
                user.read(slot)
            }
        }
    }
}
