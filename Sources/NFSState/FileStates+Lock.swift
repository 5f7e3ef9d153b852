import NFSProtocol

/// locker4: for whom LOCK locks (RFC 8881 §18.10.1). The seqids of NFSv4.0 in it are ignored.
package enum Locker: Sendable {
    /// open_to_lock_owner4: the first lock of an owner under this open; if it is not the first, the stateid it has goes on.
    case openToLockOwner(open: StateID, owner: [UInt8])
    /// exist_lock_owner4.
    case existing(StateID)

    var stateID: StateID {
        switch self {
        case .openToLockOwner(let stateID, _), .existing(let stateID): stateID
        }
    }
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
        guard let position = files.index(forKey: file),
            let result = try files.values[position].lock(
                file, client: client, locker: locker, type: type, range: range, waitingAs: handle, now: now, names: &names, limits: limits)
        else { throw statusOfUnknown(locker.stateID, of: file, client: client) }
        return result
    }

    /// LOCKT (§18.11): the lock that would be in the way of one for the owner.
    package func testLock(_ file: FileHandle, client: Client, owner: [UInt8], type: LockType, range: ByteRange) -> LockDenied? {
        files[file]?.conflict(client: client, owner: owner, type: type, range: range)
    }

    /// LOCKU (§18.12): unlocks the range, which may be part of a lock, several, or none. An owner that waits for a part of it
    /// waits no longer.
    /// - Returns: the stateid, and who may have now what they were denied.
    /// - Throws: `badStateid`, `oldStateid`, `expired`, `adminRevoked`; `serverfault` when the lock would become two and the client
    ///   holds as much state as it may.
    package mutating func unlock(
        _ stateID: StateID, of file: FileHandle, client: Client, range: ByteRange, now: MonotonicTime
    ) throws(NFSStatus) -> (StateID, [FreedLock]) {
        guard let position = files.index(forKey: file),
            let result = try files.values[position].unlock(stateID, of: file, client: client, range: range, now: now, limits: limits)
        else { throw statusOfUnknown(stateID, of: file, client: client) }
        return result
    }
}
