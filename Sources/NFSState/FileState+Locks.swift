import NFSProtocol

extension FileState {
    /// LOCK, as `FileStates.lock`.
    /// - Parameter file: the name of this file.
    /// - Returns: nil when the locker is none of the client's here.
    mutating func lock(
        _ file: FileHandle, client: Client, locker: Locker, type: LockType, range: ByteRange, waitingAs handle: FileHandle?,
        now: MonotonicTime, names: inout StateNames, limits: StateLimits
    ) throws(NFSStatus) -> (LockOutcome, [FreedLock])? {
        guard let (open, owner, own) = try find(locker, of: client) else { return nil }
        guard opens[open].access.contains(type == .write ? .write : .read) else { throw .openmode }
        try client.checkMayHold()
        forgetLateWaiters(now: now, limits: limits)
        var outcome: LockOutcome?
        if let denied = conflict(client: client, owner: owner, type: type, range: range) {
            outcome = .denied(denied)
        } else if let kept = reservation(against: client, owner, type, range) {
            outcome = .reserved(kept.denial)
        } else {
            try client.checkRoom(limit: limits.statesPerClient)
        }
        let name = opens[open].stateID.other
        if outcome != nil, let handle {
            let waiter = LockWaiter(client: client, file: handle, owner: owner)
            addWaiter(WaitingLock(waiter: waiter, open: name, type: type, range: range, asked: now), limits: limits)
        } else {
            // Granted, or asked for the last time (RFC 8881 §9.6).
            removeWaiters { $0.isOf(client, owner) }
        }
        if let outcome { return (outcome, wake(file, now: now, limits: limits)) }
        if own == nil {
            let stateID = StateID(seqid: 0, other: names.next(for: file))
            locks.append(LockState(stateID: stateID, client: client, owner: owner, open: name))
            client.countState(1)
        }
        let index = own ?? locks.count - 1
        unlockAll(range, client: client, owner: owner)
        change(index) { $0.lock(range, type) }
        locks[index].stateID.advance()
        return (.granted(locks[index].stateID), wake(file, now: now, limits: limits))
    }

    /// What a LOCK speaks of: where the open is, the owner, and where the lock stateid is that the owner has under the open already.
    private func find(_ locker: Locker, of client: Client) throws(NFSStatus) -> (open: Int, owner: [UInt8], own: Int?)? {
        switch locker {
        case .openToLockOwner(let stateID, let owner):
            guard let open = try openIndex(stateID, of: client) else { return nil }
            return (open, owner, locks.firstIndex { $0.open == opens[open].stateID.other && $0.owner == owner })
        case .existing(let stateID):
            guard let own = try lockIndex(stateID, of: client) else { return nil }
            guard let open = opens.firstIndex(where: { $0.stateID.other == locks[own].open }) else { return nil }
            return (open, locks[own].owner, own)
        }
    }

    /// LOCKU, as `FileStates.unlock`.
    /// - Returns: nil when the stateid is none of the client's here.
    mutating func unlock(
        _ stateID: StateID, of file: FileHandle, client: Client, range: ByteRange, now: MonotonicTime, limits: StateLimits
    ) throws(NFSStatus) -> (StateID, [FreedLock])? {
        guard let index = try lockIndex(stateID, of: client) else { return nil }
        let owner = locks[index].owner
        if locks.contains(where: { $0.isOf(client, owner) && $0.ranges.splits(at: range) }) {
            try client.checkRoom(limit: limits.statesPerClient)
        }
        unlockAll(range, client: client, owner: owner)
        removeWaiters { $0.isOf(client, owner) && $0.range.overlaps(range) }
        locks[index].stateID.advance()
        return (locks[index].stateID, wake(file, now: now, limits: limits))
    }

    /// The lock that would be in the way of one for the owner.
    func conflict(client: Client, owner: [UInt8], type: LockType, range: ByteRange) -> LockDenied? {
        for lock in locks where !lock.isOf(client, owner) {
            guard let held = lock.ranges.conflict(with: range, type) else { continue }
            return LockDenied(range: held.range, type: held.type, client: lock.client, owner: lock.owner)
        }
        return nil
    }

    /// Unlocks the range for the owner under every open: a lock-owner's locks are one set, however it got them.
    private mutating func unlockAll(_ range: ByteRange, client: Client, owner: [UInt8]) {
        for index in locks.indices where locks[index].isOf(client, owner) { change(index) { $0.unlock(range) } }
    }

    /// Changes the ranges of a lock stateid and counts them.
    private mutating func change(_ index: Int, _ body: (inout HeldRanges) -> Void) {
        let before = locks[index].ranges.count
        body(&locks[index].ranges)
        locks[index].client.countState(locks[index].ranges.count - before)
    }
}
