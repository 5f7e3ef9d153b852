import NFSProtocol
import NFSState
import Testing

/// The queue of blocking lock requests (RFC 8881 §9.6, §20.11).
struct LockWaiterTests {
    var states: FileStates
    let clients: [Client]
    let opens: [StateID]

    init() throws {
        var (table, states) = (clientTable(), FileStates(instance: instance, shard: 0, limits: StateLimits()))
        var (clients, opens): ([Client], [StateID]) = ([], [])
        for name in ["a", "b", "c", "d"] {
            clients.append(try table.connect(name).client)
            opens.append(try states.open(file(1), clients[clients.count - 1], .both))
        }
        (self.states, self.clients, self.opens) = (states, clients, opens)
    }

    /// LOCK of the range by an owner of the client, by default of its only one.
    @discardableResult
    private mutating func lock(
        _ who: Int, _ type: LockType = .write, _ offset: UInt64 = 0, _ length: UInt64 = 10, owner: UInt8 = 0, waits: Bool = true,
        at second: UInt64 = 0
    ) throws -> (LockOutcome, woken: [Int]) {
        let (outcome, freed) = try states.lock(
            file(1), client: clients[who], locker: .openToLockOwner(open: opens[who], owner: [owner]), type: type,
            range: ByteRange(offset: offset, length: length), waitingAs: waits ? file(7) : nil, now: seconds(second))
        try states.checkInvariants()
        for client in clients { #expect(client.stateCount == states.stateCount(of: client)) }
        return (outcome, numbers(freed))
    }

    private mutating func unlock(_ who: Int, _ lock: StateID, _ offset: UInt64 = 0, _ length: UInt64 = 10, at second: UInt64 = 0) throws
        -> [Int]
    {
        let (_, freed) = try states.unlock(
            StateID(seqid: 0, other: lock.other), of: file(1), client: clients[who], range: ByteRange(offset: offset, length: length),
            now: seconds(second))
        try states.checkInvariants()
        return numbers(freed)
    }

    private func numbers(_ freed: [FreedLock]) -> [Int] {
        freed.map { lock in
            #expect(lock.waiter.file == file(7) && lock.file == file(1), "the client is told by the filehandle it used")
            return clients.firstIndex { $0 === lock.waiter.client }!
        }
    }

    @Test mutating func theFirstWaiterIsCalledAndNobodyBargesIn() throws {
        let held = try lock(0).0.granted()
        #expect(throws: NFSStatus.denied) { try lock(1).0.granted() }
        #expect(throws: NFSStatus.denied) { try lock(2).0.granted() }
        #expect(try unlock(0, held) == [1])
        for who in [0, 2, 3] {
            guard case .reserved(let denied) = try lock(who, waits: false).0 else {
                Issue.record("client \(who) barged in")
                return
            }
            #expect(denied.client === clients[1] && denied.owner == [0] && denied.type == .write && denied.range.length == 10)
        }
        guard case .granted = try lock(1).0 else {
            Issue.record("the lock was not kept")
            return
        }
    }

    @Test mutating func whoDoesNotComeIsForgottenAndTheNextIsCalled() throws {
        let held = try lock(0).0.granted()
        for who in [1, 2] { try lock(who) }
        #expect(try unlock(0, held, at: 10) == [1])
        #expect(numbers(states.wake(file(1), now: seconds(14))) == [])
        #expect(numbers(states.wake(file(1), now: seconds(15))) == [2])
        #expect(numbers(states.wake(file(1), now: seconds(20))) == [])
        #expect(clients.map(\.stateCount) == [2, 1, 1, 1])
        _ = try lock(3, at: 20).0.granted()
    }

    @Test mutating func whoCannotBeToldIsForgottenAndTheNextIsCalled() throws {
        let held = try lock(0).0.granted()
        for who in [1, 2] { try lock(who) }
        let (_, freed) = try states.unlock(held, of: file(1), client: clients[0], range: .init(offset: 0, length: 10), now: seconds(0))
        #expect(numbers(freed) == [1])
        #expect(numbers(states.abandon(freed[0], now: seconds(0))) == [2])
        #expect(numbers(states.abandon(freed[0], now: seconds(0))) == [], "it does not wait any more")
        try states.checkInvariants()
    }

    @Test mutating func sharedLocksComeTogetherAndOthersWhereTheirRangeIsFree() throws {
        let held = try lock(0, .write, 0, 100).0.granted()
        try lock(1, .read, 0, 10)
        try lock(2, .write, 5, 10)
        try lock(3, .read, 0, 10)
        #expect(try unlock(0, held, 0, 50) == [1, 3])
        guard case .reserved = try lock(2, .write, 5, 10).0 else {
            Issue.record("a writer got between the readers")
            return
        }
        _ = try lock(1, .read, 0, 10).0.granted()
        let second = try lock(3, .read, 0, 10).0.granted()
        #expect(try unlock(3, second) == [], "another reader is still in the way")
    }

    @Test mutating func aDowngradeLetsReadersIn() throws {
        try lock(0, .write)
        try lock(1, .read)
        #expect(try lock(0, .read).woken == [1])
    }

    @Test mutating func askingAgainKeepsThePlaceAndAskingForSomethingElseLosesIt() throws {
        let held = try lock(0).0.granted()
        try lock(1)
        try lock(2)
        try lock(1)
        #expect(try unlock(0, held) == [1])

        let again = try lock(1).0.granted()
        try lock(3)
        try lock(2, .read)
        #expect(try unlock(1, again) == [3])
    }

    @Test mutating func aRequestThatDoesNotWaitIsTheLast() throws {
        let held = try lock(0).0.granted()
        try lock(1)
        try lock(1, waits: false)
        #expect(clients[1].stateCount == 1)
        #expect(try unlock(0, held) == [])
    }

    @Test mutating func whoStopsAskingIsForgotten() throws {
        let held = try lock(0).0.granted()
        try lock(1, at: 0)
        try lock(2, at: 30)
        #expect(try unlock(0, held, at: 61) == [2])
    }

    @Test mutating func unlockingAndClosingEndTheWait() throws {
        let held = try lock(0, .write, 0, 100).0.granted()
        let own = try lock(1, .write, 200, 10).0.granted()
        try lock(1, .write, 0, 10)
        #expect(try unlock(1, own, 200, 10) == [])
        #expect(clients[1].stateCount == 3, "it unlocked something else")
        #expect(try unlock(1, own, 5, 1) == [])
        #expect(clients[1].stateCount == 2)
        try lock(2)
        _ = try states.close(opens[2], of: file(1), client: clients[2])
        #expect(clients[2].stateCount == 0)
        #expect(try unlock(0, held, 0, 100) == [])
    }

    @Test mutating func closingAndRevocationFreeLocksForThoseWhoWait() throws {
        try lock(0)
        try lock(1)
        try lock(2)
        #expect(numbers(try states.close(opens[0], of: file(1), client: clients[0], now: seconds(0)).freed) == [1])
        _ = try lock(1).0.granted()
        #expect(clients[1].beginRevocation())
        #expect(numbers(states.revokeAll(of: clients[1], as: .expired, now: seconds(0)).freed) == [2])
        clients[1].endRevocation()
        try states.checkInvariants()
    }

    @Test mutating func aWaiterThatGoesIsNotWaitedFor() throws {
        let held = try lock(0).0.granted()
        try lock(1)
        try lock(2)
        #expect(try unlock(0, held) == [1])
        #expect(numbers(try states.close(opens[1], of: file(1), client: clients[1], now: seconds(0)).freed) == [2])
    }

    @Test mutating func ownersOfOneClientWaitEachForItself() throws {
        let held = try lock(0).0.granted()
        try lock(1, owner: 1)
        try lock(1, owner: 2)
        #expect(try unlock(0, held) == [1])
        guard case .reserved = try lock(1, owner: 2).0 else {
            Issue.record("the second owner came first")
            return
        }
        _ = try lock(1, owner: 1).0.granted()
    }

    @Test mutating func theQueueOfAFileIsBounded() throws {
        try lock(0)
        for owner in UInt8.min ... .max { try lock(1, owner: owner) }
        try lock(2)
        #expect(clients[1].stateCount == 257 && clients[2].stateCount == 1)
    }

    /// Random histories of locks, waits, calls that fail and clients that are revoked; the invariants hold after each step, and
    /// when everybody lets go nobody waits for ever.
    @Test(arguments: UInt64(1)...20) mutating func histories(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var opens = opens
        var locks: [[UInt8]: StateID] = [:]
        var (called, revoked): ([FreedLock], [StateID]) = ([], [])
        var (calls, grants, revocations) = (0, 0, 0)
        for step in 0..<1200 {
            let now = seconds(UInt64(step / 4))
            let who = random.below(clients.count)
            let client = clients[who]
            let name = [UInt8(who), UInt8(random.below(2))]
            let range = try ByteRange(offset: UInt64(random.below(8)), length: UInt64(1 + random.below(4)))
            var freed: [FreedLock] = []
            switch random.below(12) {
            case 0...5:
                let locker = Locker.openToLockOwner(open: StateID(seqid: 0, other: opens[who].other), owner: name)
                let handle = random.below(4) > 0 ? file(7) : nil
                let outcome: LockOutcome
                (outcome, freed) = try states.lock(
                    file(1), client: client, locker: locker, type: random.below(2) == 0 ? .read : .write, range: range, waitingAs: handle,
                    now: now)
                if case .granted(let stateID) = outcome {
                    locks[name] = stateID
                    grants += 1
                }
            case 6...8:
                guard let lock = locks[name] else { continue }
                let range = try random.below(2) == 0 ? range : ByteRange(offset: 0, length: .max)
                freed = try states.unlock(StateID(seqid: 0, other: lock.other), of: file(1), client: client, range: range, now: now).1
            case 9:
                if !called.isEmpty { freed = states.abandon(called.remove(at: random.below(called.count)), now: now) }
            case 10: freed = states.wake(file(1), now: now)
            default:
                guard random.below(4) == 0 else { continue }
                #expect(client.beginRevocation())
                freed = states.revokeAll(of: client, as: .expired, now: now).freed
                client.endRevocation()
                #expect(client.stateCount == 0)
                revoked += [opens[who]] + locks.filter { $0.key[0] == UInt8(who) }.values
                locks = locks.filter { $0.key[0] != UInt8(who) }
                opens[who] = try states.open(file(1), client, .both)
                revocations += 1
            }
            called += freed
            calls += freed.count
            try states.checkInvariants()
            for client in clients {
                #expect(client.stateCount == states.stateCount(of: client) && client.revokedCount == states.revokedCount(of: client))
            }
        }
        #expect(calls > 5 && grants > 20 && revocations > 0)
        for stateID in Set(revoked.map(\.other)) {
            for client in clients where states.test(StateID(seqid: 0, other: stateID), client: client) == .expired {
                try states.free(StateID(seqid: 0, other: stateID), client: client)
            }
        }
        for (who, client) in clients.enumerated() {
            #expect(client.stateFlags == [])
            _ = try states.close(StateID(seqid: 0, other: opens[who].other), of: file(1), client: client)
            #expect(client.stateCount == 0)
        }
        try states.checkInvariants()
    }
}
