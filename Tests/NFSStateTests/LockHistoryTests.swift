import NFSProtocol
import NFSState
import Testing

/// Random histories of LOCK, LOCKT and LOCKU against a model that keeps one lock type for each byte.
struct LockHistoryTests {
    /// A file of some cells of one byte, the last of which stands for all bytes to the end of 2^64.
    struct Space {
        let base: UInt64
        let cells: Int

        func range(_ first: Int, _ last: Int) throws -> ByteRange {
            try ByteRange(offset: base + UInt64(first), length: last == cells - 1 ? .max : UInt64(last - first + 1))
        }

        func cells(of range: ByteRange) -> ClosedRange<Int> {
            Int(range.first - base)...Int(min(range.last - base, UInt64(cells - 1)))
        }
    }

    struct Locker {
        let client: Client
        let owner: [UInt8]
        let open: StateID
        var lock: StateID?
        var cells: [LockType?]
    }

    @Test(arguments: 1...20, [Space(base: 0, cells: 17), Space(base: .max - 15, cells: 16)])
    func locksMatchAByteMap(seed: UInt64, space: Space) throws {
        var random = SeededGenerator(seed: seed)
        var table = clientTable()
        var states = FileStates(instance: instance, shard: 0, limits: StateLimits())
        var lockers: [Locker] = []
        for client in try ["a", "b"].map({ try table.connect($0).client }) {
            let open = try states.open(file(1), client, .both)
            for owner in UInt8(1)...2 {
                lockers.append(Locker(client: client, owner: [owner], open: open, cells: Array(repeating: nil, count: space.cells)))
            }
        }
        var denials = 0
        for _ in 0..<300 {
            let who = random.below(lockers.count)
            let first = random.below(space.cells)
            let last = min(first + random.below(space.cells), space.cells - 1)
            let range = try space.range(first, last)
            let type: LockType = random.below(2) == 0 ? .read : .write
            let holders = lockers.indices.filter { other in
                other != who && lockers[other].cells[first...last].contains { $0 != nil && (type == .write || $0 == .write) }
            }
            let me = lockers[who]
            switch random.below(4) {
            case 0, 1:
                let locker: NFSState.Locker =
                    me.lock.map { random.below(4) > 0 ? .existing($0) : .openToLockOwner(open: me.open, owner: me.owner) }
                    ?? .openToLockOwner(open: me.open, owner: me.owner)
                switch try states.lock(file(1), client: me.client, locker: locker, type: type, range: range) {
                case .granted(let stateID):
                    try #require(holders.isEmpty)
                    #expect(stateID.seqid == (me.lock?.seqid ?? 0) + 1)
                    #expect(me.lock == nil || me.lock?.other == stateID.other)
                    lockers[who].lock = stateID
                    for cell in first...last { lockers[who].cells[cell] = type }
                case .reserved: Issue.record("nobody waits")
                case .denied(let denied):
                    denials += 1
                    try check(denied, in: space, first...last, type, holders.map { lockers[$0] })
                }
            case 2:
                guard let lock = me.lock else { continue }
                let stateID = try states.unlock(lock, of: file(1), client: me.client, range: range)
                #expect(stateID.other == lock.other && stateID.seqid == lock.seqid + 1)
                lockers[who].lock = stateID
                for cell in first...last { lockers[who].cells[cell] = nil }
            default:
                let denied = states.testLock(file(1), client: me.client, owner: me.owner, type: type, range: range)
                #expect((denied == nil) == holders.isEmpty)
                if let denied { try check(denied, in: space, first...last, type, holders.map { lockers[$0] }) }
            }
            try states.checkInvariants()
            for client in lockers.map(\.client) { #expect(client.stateCount == states.stateCount(of: client)) }
        }
        #expect(denials > 10)
        for locker in lockers where locker.owner == [1] {
            _ = try states.close(locker.open, of: file(1), client: locker.client)
            #expect(locker.client.stateCount == 0)
        }
        try states.checkInvariants()
    }

    /// A denial must name a lock that is held as it says and is in the way.
    private func check(
        _ denied: LockDenied, in space: Space, _ asked: ClosedRange<Int>, _ type: LockType, _ holders: [Locker]
    ) throws {
        let holder = try #require(holders.first { $0.client === denied.client && $0.owner == denied.owner })
        let cells = space.cells(of: denied.range)
        #expect(holder.cells[cells].allSatisfy { $0 == denied.type })
        #expect(cells.overlaps(asked) && (type == .write || denied.type == .write))
    }
}
