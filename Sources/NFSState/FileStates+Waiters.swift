import NFSProtocol

/// A blocking lock request that was denied, of a client that can be called when the lock may be had (RFC 8881 §9.6).
struct WaitingLock: Sendable {
    /// The filehandle is that of the client, which knows the file by it.
    let waiter: LockWaiter
    /// The open it asks under, and ends with.
    let open: StateID.Other
    let type: LockType
    let range: ByteRange
    /// When the client last asked.
    var asked: MonotonicTime
    /// When it was told that it may come: the lock is kept for it for a while.
    var called: MonotonicTime?

    var client: Client { waiter.client }

    func isOf(_ client: Client, _ owner: [UInt8]) -> Bool { waiter.client === client && waiter.owner == owner }

    /// Whether a lock of another owner could not be held beside this one.
    func excludes(_ client: Client, _ owner: [UInt8], _ type: LockType, _ range: ByteRange) -> Bool {
        !isOf(client, owner) && self.range.overlaps(range) && (self.type == .write || type == .write)
    }

    /// As the answer to somebody who would take what is kept for this one.
    var denial: LockDenied { LockDenied(range: range, type: type, client: client, owner: waiter.owner) }
}

/// A lock that a waiter may have now.
package struct FreedLock: Sendable {
    package let waiter: LockWaiter
    /// The file, as the table names it.
    package let file: FileHandle
}

extension FileStates {
    /// Finds out who may have a lock now, keeps it for them for a while, and forgets who has waited or was waited for too long.
    ///
    /// First come, first served: each waiter whose range is free, and not kept for one before it; those that want to share
    /// come together.
    package mutating func wake(_ file: FileHandle, now: MonotonicTime) -> [FreedLock] {
        guard let position = files.index(forKey: file), !files.values[position].waiters.isEmpty else { return [] }
        forgetLateWaiters(at: position, now: now)
        var freed: [FreedLock] = []
        for index in files.values[position].waiters.indices {
            let waiting = files.values[position].waiters[index]
            let (client, owner) = (waiting.client, waiting.waiter.owner)
            guard waiting.called == nil,
                conflict(at: position, client: client, owner: owner, type: waiting.type, range: waiting.range) == nil,
                reservation(at: position, against: client, owner, waiting.type, waiting.range) == nil
            else { continue }
            files.values[position].waiters[index].called = now
            freed.append(FreedLock(waiter: waiting.waiter, file: file))
        }
        return freed
    }

    /// Forgets a waiter that could not be told.
    /// - Returns: who may have now what was kept for it.
    package mutating func abandon(_ lock: FreedLock, now: MonotonicTime) -> [FreedLock] {
        guard let position = files.index(forKey: lock.file) else { return [] }
        removeWaiters(at: position) { $0.isOf(lock.waiter.client, lock.waiter.owner) && $0.called != nil }
        return wake(lock.file, now: now)
    }

    /// Remembers that an owner waits for a lock it was denied; an owner waits for one at a time. When too many wait already the
    /// client has to ask again.
    mutating func addWaiter(_ new: WaitingLock, at position: Dictionary<FileHandle, File>.Index) {
        if let index = files.values[position].waiters.firstIndex(where: { $0.isOf(new.client, new.waiter.owner) }) {
            let before = files.values[position].waiters[index]
            if before.range == new.range, before.type == new.type, before.open == new.open {
                // It keeps its place.
                files.values[position].waiters[index] = new
                return
            }
            removeWaiters(at: position) { $0.isOf(new.client, new.waiter.owner) }
        }
        guard files.values[position].waiters.count < limits.lockWaiters else { return }
        files.values[position].waiters.append(new)
        new.client.countState(1)
    }

    mutating func removeWaiters(at position: Dictionary<FileHandle, File>.Index, where isGone: (WaitingLock) -> Bool) {
        guard !files.values[position].waiters.isEmpty else { return }
        for waiting in files.values[position].waiters where isGone(waiting) { waiting.client.countState(-1) }
        files.values[position].waiters.removeAll(where: isGone)
    }

    /// Forgets who does not ask any more, and who was told and did not come.
    mutating func forgetLateWaiters(at position: Dictionary<FileHandle, File>.Index, now: MonotonicTime) {
        let limits = limits
        removeWaiters(at: position) { waiting in
            if let called = waiting.called { return now.since(called) >= limits.lockReservation }
            return now.since(waiting.asked) > limits.lockWait
        }
    }

    /// The first waiter for which a lock is kept that would exclude this one.
    func reservation(
        at position: Dictionary<FileHandle, File>.Index, against client: Client, _ owner: [UInt8], _ type: LockType, _ range: ByteRange
    ) -> WaitingLock? {
        files.values[position].waiters.first { $0.called != nil && $0.excludes(client, owner, type, range) }
    }

    func checkWaiters(of file: File) throws(InvariantViolation) {
        try require(file.waiters.count <= limits.lockWaiters, "too many wait for one file")
        for (index, waiting) in file.waiters.enumerated() {
            let (client, owner) = (waiting.client, waiting.waiter.owner)
            try require(file.opens.contains { $0.stateID.other == waiting.open && $0.client === client }, "a waiter without its open")
            for other in file.waiters[..<index] {
                try require(!other.isOf(client, owner), "an owner waits twice")
                let areKept = waiting.called != nil && other.called != nil
                try require(!areKept || !other.excludes(client, owner, waiting.type, waiting.range), "a lock is kept for two")
            }
            guard waiting.called != nil else { continue }
            for lock in file.locks where !lock.isOf(client, owner) {
                try require(lock.ranges.conflict(with: waiting.range, waiting.type) == nil, "a lock is held that is kept for a waiter")
            }
        }
    }
}
