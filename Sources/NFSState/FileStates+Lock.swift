import NFSProtocol

/// locker4: for whom LOCK locks (RFC 8881 §18.10.1). The seqids of NFSv4.0 in it are ignored.
package enum Locker: Sendable {
    /// open_to_lock_owner4: the first lock of an owner under this open; if it is not the first, the stateid it has goes on.
    case openToLockOwner(open: StateID, owner: [UInt8])
    /// exist_lock_owner4.
    case existing(StateID)
}

/// What came of a LOCK.
package enum LockOutcome: Sendable {
    case granted(StateID)
    case denied(LockDenied)
    /// Denied although the range is free: it is kept for this waiter.
    case reserved(LockDenied)
}

extension FileStates {
    /// LOCK (§18.10). A reclaim is the same; its caller makes NFS4ERR_RECLAIM_CONFLICT of a denial.
    /// - Parameter handle: where a denied client is to be called when the range is free: the filehandle by which it knows the file.
    ///   Nil for a lock type that does not wait, and for a client that cannot be called.
    /// - Returns: the outcome, and who may have now what they were denied.
    /// - Throws: `openmode` when the open does not allow the type; `badStateid`, `oldStateid`, `adminRevoked`; `expired`, `delay`,
    ///   `serverfault` as `open`.
    package mutating func lock(
        _ file: FileHandle, client: Client, locker: Locker, type: LockType, range: ByteRange, waitingAs handle: FileHandle?,
        now: MonotonicTime
    ) throws(NFSStatus) -> (LockOutcome, [FreedLock]) {
        let (position, open, owner, own) = try find(locker, of: file, client: client)
        guard open.allows.contains(type == .write ? .write : .read) else { throw .openmode }
        try client.checkMayHold()
        forgetLateWaiters(at: position, now: now)
        var outcome: LockOutcome?
        if let denied = conflict(at: position, client: client, owner: owner, type: type, range: range) {
            outcome = .denied(denied)
        } else if let kept = reservation(at: position, against: client, owner, type, range) {
            outcome = .reserved(kept.denial)
        } else {
            try client.checkRoom(limit: limits.statesPerClient)
        }
        if outcome != nil, let handle {
            let waiter = LockWaiter(client: client, file: handle, owner: owner)
            addWaiter(WaitingLock(waiter: waiter, open: open.name, type: type, range: range, asked: now), at: position)
        } else {
            // Granted, or asked for the last time (§9.6).
            removeWaiters(at: position) { $0.isOf(client, owner) }
        }
        let result = outcome ?? .granted(grant(range, type, to: client, owner, under: open, own, at: position))
        return (result, wake(file, now: now))
    }

    /// What a lock is to know of the open it is made under.
    private struct Open {
        let name: StateID.Other
        let allows: ShareAccess
    }

    /// What a LOCK speaks of: the open, the owner and the lock stateid the owner has under the open already.
    private func find(
        _ locker: Locker, of file: FileHandle, client: Client
    ) throws(NFSStatus) -> (Dictionary<FileHandle, File>.Index, Open, owner: [UInt8], own: Int?) {
        switch locker {
        case .openToLockOwner(let stateID, let owner):
            let (position, index) = try findOpen(stateID, of: file, client: client)
            let (opens, locks) = (files.values[position].opens, files.values[position].locks)
            let open = Open(name: opens[index].stateID.other, allows: opens[index].access)
            return (position, open, owner, locks.firstIndex { $0.open == open.name && $0.owner == owner })
        case .existing(let stateID):
            let (position, index) = try findLock(stateID, of: file, client: client)
            let (opens, locks) = (files.values[position].opens, files.values[position].locks)
            let name = locks[index].open
            guard let open = opens.firstIndex(where: { $0.stateID.other == name }) else { throw .badStateid }
            return (position, Open(name: name, allows: opens[open].access), locks[index].owner, index)
        }
    }

    private mutating func grant(
        _ range: ByteRange, _ type: LockType, to client: Client, _ owner: [UInt8], under open: Open, _ own: Int?,
        at position: Dictionary<FileHandle, File>.Index
    ) -> StateID {
        if own == nil {
            let stateID = StateID(seqid: 0, other: nextName(for: files.keys[position]))
            files.values[position].locks.append(LockState(stateID: stateID, client: client, owner: owner, open: open.name))
            client.countState(1)
        }
        let index = own ?? files.values[position].locks.count - 1
        unlockAll(range, client: client, owner: owner, at: position)
        change(index, at: position) { $0.ranges.lock(range, type) }
        files.values[position].locks[index].stateID.advance()
        return files.values[position].locks[index].stateID
    }

    /// LOCKT (§18.11): the lock that would be in the way of one for the owner.
    package func testLock(_ file: FileHandle, client: Client, owner: [UInt8], type: LockType, range: ByteRange) -> LockDenied? {
        files.index(forKey: file).flatMap { conflict(at: $0, client: client, owner: owner, type: type, range: range) }
    }

    /// LOCKU (§18.12): unlocks the range, which may be part of a lock, several, or none. An owner that waits for a part of it
    /// waits no longer.
    /// - Returns: the stateid, and who may have now what they were denied.
    /// - Throws: `badStateid`, `oldStateid`, `expired`, `adminRevoked`; `serverfault` when the lock would become two and the client
    ///   holds as much state as it may.
    package mutating func unlock(
        _ stateID: StateID, of file: FileHandle, client: Client, range: ByteRange, now: MonotonicTime
    ) throws(NFSStatus) -> (StateID, [FreedLock]) {
        let (position, index) = try findLock(stateID, of: file, client: client)
        let owner = files.values[position].locks[index].owner
        if files.values[position].locks.contains(where: { $0.isOf(client, owner) && $0.ranges.splits(at: range) }) {
            try client.checkRoom(limit: limits.statesPerClient)
        }
        unlockAll(range, client: client, owner: owner, at: position)
        removeWaiters(at: position) { $0.isOf(client, owner) && $0.range.overlaps(range) }
        files.values[position].locks[index].stateID.advance()
        return (files.values[position].locks[index].stateID, wake(file, now: now))
    }

    func conflict(
        at position: Dictionary<FileHandle, File>.Index, client: Client, owner: [UInt8], type: LockType, range: ByteRange
    ) -> LockDenied? {
        for lock in files.values[position].locks where !lock.isOf(client, owner) {
            guard let held = lock.ranges.conflict(with: range, type) else { continue }
            return LockDenied(range: held.range, type: held.type, client: lock.client, owner: lock.owner)
        }
        return nil
    }

    /// Unlocks the range for the owner under every open: a lock-owner's locks are one set, however it got them.
    private mutating func unlockAll(
        _ range: ByteRange, client: Client, owner: [UInt8], at position: Dictionary<FileHandle, File>.Index
    ) {
        for index in files.values[position].locks.indices where files.values[position].locks[index].isOf(client, owner) {
            change(index, at: position) { $0.ranges.unlock(range) }
        }
    }

    /// Changes the ranges of a lock stateid and counts them.
    private mutating func change(
        _ index: Int, at position: Dictionary<FileHandle, File>.Index, _ body: (inout LockState) -> Void
    ) {
        let (client, change) = Self.change(&files.values[position].locks[index], body)
        client.countState(change)
    }

    private static func change(_ lock: inout LockState, _ body: (inout LockState) -> Void) -> (Client, Int) {
        let before = lock.ranges.count
        body(&lock)
        return (lock.client, lock.ranges.count - before)
    }

    /// Where the lock stateid is that a client names.
    private func findLock(
        _ stateID: StateID, of file: FileHandle, client: Client
    ) throws(NFSStatus) -> (Dictionary<FileHandle, File>.Index, Int) {
        guard let position = files.index(forKey: file),
            let index = files.values[position].locks.firstIndex(where: { $0.stateID.other == stateID.other && $0.client === client })
        else { throw statusOfUnknown(stateID, of: file, client: client) }
        try files.values[position].locks[index].stateID.accept(stateID)
        return (position, index)
    }
}
