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
    /// - Throws: `openmode` when the open does not allow the type, `badStateid`, `oldStateid`, `expired`, `serverfault` as `open`.
    package mutating func lock(
        _ file: FileHandle, client: Client, locker: Locker, type: LockType, range: ByteRange
    ) throws(NFSStatus) -> LockOutcome {
        fatalError()
    }

    /// LOCKT (§18.11): the lock that would be in the way of one for the owner.
    package func testLock(_ file: FileHandle, client: Client, owner: [UInt8], type: LockType, range: ByteRange) -> LockDenied? {
        fatalError()
    }

    /// LOCKU (§18.12): unlocks the range, which may be part of a lock, several, or none.
    /// - Throws: as `lock`.
    package mutating func unlock(_ stateID: StateID, of file: FileHandle, client: Client, range: ByteRange) throws(NFSStatus) -> StateID {
        fatalError()
    }
}
