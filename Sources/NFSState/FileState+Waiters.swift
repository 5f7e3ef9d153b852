import NFSProtocol

extension FileState {
    /// As `FileStates.wake`. First come, first served: each waiter whose range is free, and not kept for one before it; those that
    /// want to share come together.
    mutating func wake(_ file: FileHandle, now: MonotonicTime, limits: StateLimits) -> [FreedLock] {
        guard !waiters.isEmpty else { return [] }
        forgetLateWaiters(now: now, limits: limits)
        var freed: [FreedLock] = []
        for index in waiters.indices {
            let waiting = waiters[index]
            let (client, owner) = (waiting.client, waiting.waiter.owner)
            guard waiting.called == nil, conflict(client: client, owner: owner, type: waiting.type, range: waiting.range) == nil,
                reservation(against: client, owner, waiting.type, waiting.range) == nil
            else { continue }
            waiters[index].called = now
            freed.append(FreedLock(waiter: waiting.waiter, file: file))
        }
        return freed
    }

    /// Remembers that an owner waits for a lock it was denied; an owner waits for one at a time. When too many wait already the
    /// client has to ask again.
    mutating func addWaiter(_ new: WaitingLock, limits: StateLimits) {
        if let index = waiters.firstIndex(where: { $0.isOf(new.client, new.waiter.owner) }) {
            let before = waiters[index]
            if before.range == new.range, before.type == new.type, before.open == new.open {
                // It keeps its place.
                waiters[index] = new
                return
            }
            removeWaiters { $0.isOf(new.client, new.waiter.owner) }
        }
        guard waiters.count < limits.lockWaiters else { return }
        waiters.append(new)
        new.client.countState(1)
    }

    mutating func removeWaiters(where isGone: (WaitingLock) -> Bool) {
        guard !waiters.isEmpty else { return }
        for waiting in waiters where isGone(waiting) { waiting.client.countState(-1) }
        waiters.removeAll(where: isGone)
    }

    /// Forgets who does not ask any more, and who was told and did not come.
    mutating func forgetLateWaiters(now: MonotonicTime, limits: StateLimits) {
        removeWaiters { waiting in
            if let called = waiting.called { return now.since(called) >= limits.lockReservation }
            return now.since(waiting.asked) > limits.lockWait
        }
    }

    /// The first waiter for which a lock is kept that would exclude this one.
    func reservation(against client: Client, _ owner: [UInt8], _ type: LockType, _ range: ByteRange) -> WaitingLock? {
        waiters.first { $0.called != nil && $0.excludes(client, owner, type, range) }
    }

    func checkWaiters(limits: StateLimits) throws(InvariantViolation) {
        try require(waiters.count <= limits.lockWaiters, "too many wait for one file")
        for (index, waiting) in waiters.enumerated() {
            let (client, owner) = (waiting.client, waiting.waiter.owner)
            try require(opens.contains { $0.stateID.other == waiting.open && $0.client === client }, "a waiter without its open")
            for other in waiters[..<index] {
                try require(!other.isOf(client, owner), "an owner waits twice")
                let areKept = waiting.called != nil && other.called != nil
                try require(!areKept || !other.excludes(client, owner, waiting.type, waiting.range), "a lock is kept for two")
            }
            guard waiting.called != nil else { continue }
            for lock in locks where !lock.isOf(client, owner) {
                try require(lock.ranges.conflict(with: waiting.range, waiting.type) == nil, "a lock is held that is kept for a waiter")
            }
        }
    }
}
