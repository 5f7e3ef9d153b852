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
}

extension FileStates {
    /// LOCK (§18.10). A reclaim is the same; its caller makes NFS4ERR_RECLAIM_CONFLICT of a denial.
    /// - Throws: `openmode` when the open does not allow the type; `badStateid`, `oldStateid`; `expired`, `serverfault` as `open`.
    package mutating func lock(
        _ file: FileHandle, client: Client, locker: Locker, type: LockType, range: ByteRange
    ) throws(NFSStatus) -> LockOutcome {
        let position: Dictionary<FileHandle, File>.Index
        let open: OpenState
        let owner: [UInt8]
        var own: Int?
        switch locker {
        case .openToLockOwner(let stateID, let name):
            let (found, index) = try findOpen(stateID, of: file, client: client)
            position = found
            open = files.values[position].opens[index]
            owner = name
            own = files.values[position].locks.firstIndex { $0.open == open.stateID.other && $0.owner == owner }
        case .existing(let stateID):
            let (found, index) = try findLock(stateID, of: file, client: client)
            position = found
            let lock = files.values[position].locks[index]
            guard let holder = files.values[position].opens.first(where: { $0.stateID.other == lock.open }) else { throw .badStateid }
            open = holder
            owner = lock.owner
            own = index
        }
        guard open.access.contains(type == .write ? .write : .read) else { throw .openmode }
        if let denied = conflict(at: position, client: client, owner: owner, type: type, range: range) { return .denied(denied) }
        try client.checkRoom(limit: limits.statesPerClient)
        if own == nil {
            let stateID = StateID(seqid: 0, other: nextName(for: file))
            files.values[position].locks.append(LockState(stateID: stateID, client: client, owner: owner, open: open.stateID.other))
            client.countState(1)
        }
        let index = own ?? files.values[position].locks.count - 1
        unlockAll(range, client: client, owner: owner, at: position)
        change(index, at: position) { $0.ranges.lock(range, type) }
        files.values[position].locks[index].stateID.advance()
        return .granted(files.values[position].locks[index].stateID)
    }

    /// LOCKT (§18.11): the lock that would be in the way of one for the owner.
    package func testLock(_ file: FileHandle, client: Client, owner: [UInt8], type: LockType, range: ByteRange) -> LockDenied? {
        files.index(forKey: file).flatMap { conflict(at: $0, client: client, owner: owner, type: type, range: range) }
    }

    /// LOCKU (§18.12): unlocks the range, which may be part of a lock, several, or none.
    /// - Throws: `badStateid`, `oldStateid`; `expired`, `serverfault` as `lock`.
    package mutating func unlock(_ stateID: StateID, of file: FileHandle, client: Client, range: ByteRange) throws(NFSStatus) -> StateID {
        let (position, index) = try findLock(stateID, of: file, client: client)
        try client.checkRoom(limit: limits.statesPerClient)
        unlockAll(range, client: client, owner: files.values[position].locks[index].owner, at: position)
        files.values[position].locks[index].stateID.advance()
        return files.values[position].locks[index].stateID
    }

    private func conflict(
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
        let before = files.values[position].locks[index].ranges.count
        body(&files.values[position].locks[index])
        let lock = files.values[position].locks[index]
        lock.client.countState(lock.ranges.count - before)
    }

    /// Where the lock stateid is that a client names.
    private func findLock(
        _ stateID: StateID, of file: FileHandle, client: Client
    ) throws(NFSStatus) -> (Dictionary<FileHandle, File>.Index, Int) {
        guard let position = files.index(forKey: file),
            let index = files.values[position].locks.firstIndex(where: { $0.stateID.other == stateID.other && $0.client === client })
        else { throw .badStateid }
        try files.values[position].locks[index].stateID.accept(stateID)
        return (position, index)
    }
}
