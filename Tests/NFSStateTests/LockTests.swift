import NFSProtocol
import NFSState
import Testing

/// LOCK, LOCKT, LOCKU, FREE_STATEID (RFC 8881 §9.1, §18.10, §18.11, §18.12, §18.38).
struct LockTests {
    var table = clientTable()
    var states = FileStates(instance: instance, shard: 0, limits: StateLimits())
    let a: Client
    let b: Client

    init() throws {
        a = try table.connect("a").client
        b = try table.connect("b").client
    }

    private func range(_ offset: UInt64, _ length: UInt64) -> ByteRange { try! ByteRange(offset: offset, length: length) }

    private mutating func lock(
        _ client: Client, _ open: StateID, _ owner: String, _ type: LockType, _ offset: UInt64, _ length: UInt64
    ) throws(NFSStatus) -> StateID {
        try states.lock(
            file(1), client: client, locker: .openToLockOwner(open: open, owner: bytes(owner)), type: type, range: range(offset, length)
        ).granted()
    }

    @Test(arguments: [
        (UInt64(0), UInt64(0), false), (5, 0, false), (0, 1, true), (0, .max, true), (.max, .max, true), (.max, 1, false),
        (UInt64.max - 1, 1, true), (UInt64.max - 1, 2, false), (1, .max - 1, true), (2, .max - 1, false),
    ])
    func rangesStayWithinTheFile(offset: UInt64, length: UInt64, isValid: Bool) throws {
        if isValid {
            let range = try ByteRange(offset: offset, length: length)
            #expect(range.offset == offset && range.length == length)
        } else {
            #expect(throws: NFSStatus.inval) { try ByteRange(offset: offset, length: length) }
        }
    }

    @Test mutating func locksExcludeAndTheDenialNamesTheTrueHolder() throws {
        let openA = try states.open(file(1), a, .both)
        let openB = try states.open(file(1), b, .both)
        _ = try lock(a, openA, "x", .read, 100, 50)
        _ = try lock(b, openB, "y", .read, 120, 100)
        let locker = Locker.openToLockOwner(open: openB, owner: bytes("y"))
        guard case .denied(let denied) = try states.lock(file(1), client: b, locker: locker, type: .write, range: range(0, .max)) else {
            Issue.record("granted over a lock")
            return
        }
        #expect(denied.client === a && denied.owner == bytes("x") && denied.type == .read)
        #expect(denied.range.offset == 100 && denied.range.length == 50)
        let tested = states.testLock(file(1), client: b, owner: bytes("y"), type: .write, range: range(149, 1))
        #expect(tested?.client === a)
        #expect(states.testLock(file(1), client: b, owner: bytes("y"), type: .write, range: range(150, .max)) == nil)
        #expect(states.testLock(file(1), client: b, owner: bytes("unknown"), type: .read, range: range(0, .max)) == nil)
        #expect(states.testLock(file(9), client: b, owner: bytes("y"), type: .write, range: range(0, .max)) == nil)
        try states.checkInvariants()
    }

    @Test mutating func aDeniedFirstLockMakesNoStateid() throws {
        let openA = try states.open(file(1), a, .both)
        let openB = try states.open(file(1), b, .both)
        _ = try lock(a, openA, "x", .write, 0, .max)
        #expect(throws: NFSStatus.denied) { try lock(b, openB, "y", .read, 5, 5) }
        #expect(states.stateCount(of: b) == 1)
        try states.checkInvariants()
    }

    @Test mutating func ownersOfOneClientExcludeEachOther() throws {
        let open = try states.open(file(1), a, .both)
        _ = try lock(a, open, "x", .write, 0, 10)
        #expect(throws: NFSStatus.denied) { try lock(a, open, "y", .read, 9, 1) }
        _ = try lock(a, open, "y", .write, 10, 1)
        try states.checkInvariants()
    }

    @Test mutating func eachChangeCountsTheLockStateid() throws {
        let open = try states.open(file(1), a, .both)
        let first = try lock(a, open, "x", .write, 0, 10)
        #expect(first.seqid == 1 && first.other != open.other)
        let second = try states.lock(file(1), client: a, locker: .existing(first), type: .read, range: range(20, 10)).granted()
        #expect(second.other == first.other && second.seqid == 2)
        #expect(throws: NFSStatus.oldStateid) {
            try states.lock(file(1), client: a, locker: .existing(first), type: .read, range: range(40, 10))
        }
        let third = try states.unlock(second, of: file(1), client: a, range: range(0, .max))
        #expect(third.other == first.other && third.seqid == 3)
        #expect(throws: NFSStatus.oldStateid) { try states.unlock(second, of: file(1), client: a, range: range(0, .max)) }
        // As if it were new to the owner: a client that lost the reply of its first LOCK says so.
        let fourth = try lock(a, open, "x", .write, 0, 1)
        #expect(fourth.other == first.other && fourth.seqid == 4)
        _ = try states.check(fourth, of: file(1), client: a, access: .write)
        #expect(throws: NFSStatus.oldStateid) { try states.check(third, of: file(1), client: a, access: .write) }
        #expect(
            try ids([states.check(open, of: file(1), client: a, access: .read)])
                == ids([states.check(fourth, of: file(1), client: a, access: .read)]))
        try states.checkInvariants()
    }

    @Test mutating func stateidsOfTheWrongKindAreRefused() throws {
        let open = try states.open(file(1), a, .both)
        let held = try lock(a, open, "x", .write, 0, 10)
        #expect(throws: NFSStatus.badStateid) { try lock(a, held, "y", .read, 20, 1) }
        #expect(throws: NFSStatus.badStateid) {
            try states.lock(file(1), client: a, locker: .existing(open), type: .read, range: range(0, 1))
        }
        #expect(throws: NFSStatus.badStateid) { try states.unlock(open, of: file(1), client: a, range: range(0, 1)) }
        #expect(throws: NFSStatus.badStateid) { try states.unlock(held, of: file(1), client: b, range: range(0, 1)) }
        #expect(throws: NFSStatus.badStateid) { try states.unlock(held, of: file(2), client: a, range: range(0, 1)) }
        #expect(throws: NFSStatus.badStateid) { try states.close(held, of: file(1), client: a) }
        #expect(throws: NFSStatus.badStateid) { try states.downgrade(held, of: file(1), client: a, access: .both, deny: []) }
        try states.checkInvariants()
    }

    @Test mutating func theOpenMustAllowTheLock() throws {
        let reads = try states.open(file(1), a, .read)
        let writes = try states.open(file(1), b, .write)
        #expect(throws: NFSStatus.openmode) { try lock(a, reads, "x", .write, 0, 1) }
        #expect(throws: NFSStatus.openmode) { try lock(b, writes, "x", .read, 0, 1) }
        _ = try lock(a, reads, "x", .read, 0, 1)
        _ = try lock(b, writes, "x", .write, 1, 1)
        try states.checkInvariants()
    }

    @Test mutating func closeFreesTheLocksMadeUnderIt() throws {
        let open = try states.open(file(1), a, .both)
        let held = try lock(a, open, "x", .write, 0, .max)
        let openB = try states.open(file(1), b, .both)
        _ = try states.close(open, of: file(1), client: a)
        #expect(states.test(held, client: a) == .badStateid && a.stateCount == 0)
        _ = try lock(b, openB, "y", .write, 0, .max)
        try states.checkInvariants()
    }

    @Test mutating func anOwnersLocksUnderTwoOpensAreOneSet() throws {
        let one = try states.open(file(1), a, "one", .both)
        let two = try states.open(file(1), a, "two", .both)
        let first = try lock(a, one, "x", .write, 0, 100)
        let second = try lock(a, two, "x", .read, 50, 100)
        #expect(second.other != first.other)
        let openB = try states.open(file(1), b, .both)
        #expect(throws: NFSStatus.denied) { try lock(b, openB, "y", .read, 49, 1) }
        _ = try lock(b, openB, "y", .read, 50, 1)
        _ = try states.unlock(second, of: file(1), client: a, range: range(0, 10))
        _ = try lock(b, openB, "y", .write, 0, 10)
        try states.checkInvariants()
    }

    @Test mutating func aFreedStateidIsForgottenOnceItHoldsNoLock() throws {
        let open = try states.open(file(1), a, .both)
        let held = try lock(a, open, "x", .write, 0, 10)
        #expect(throws: NFSStatus.locksHeld) { try states.free(held, client: a) }
        let unlocked = try states.unlock(held, of: file(1), client: a, range: range(0, 10))
        #expect(throws: NFSStatus.badStateid) { try states.free(unlocked, client: b) }
        #expect(throws: NFSStatus.oldStateid) { try states.free(held, client: a) }
        try states.free(unlocked, client: a)
        #expect(states.test(unlocked, client: a) == .badStateid && states.stateCount(of: a) == 1)
        #expect(throws: NFSStatus.badStateid) { try states.free(unlocked, client: a) }
        let next = try lock(a, open, "x", .write, 0, 10)
        #expect(next.other != held.other)
        try states.checkInvariants()
    }

    @Test func splitRangesAreBounded() throws {
        var limits = StateLimits()
        limits.statesPerClient = 6
        var states = FileStates(instance: instance, shard: 0, limits: limits)
        let open = try states.open(file(1), a, .both)
        var held = try states.lock(
            file(1), client: a, locker: .openToLockOwner(open: open, owner: [1]), type: .write, range: range(0, .max)
        ).granted()
        for offset in stride(from: UInt64(1), to: 7, by: 2) {
            held = try states.unlock(held, of: file(1), client: a, range: range(offset, 1))
        }
        #expect(throws: NFSStatus.serverfault) { try states.unlock(held, of: file(1), client: a, range: range(9, 1)) }
        try states.checkInvariants()
    }
}
