import NFSProtocol

extension FileStates {
    /// Finds out who may have a lock now, keeps it for them for a while, and forgets who has waited or was waited for too long.
    package mutating func wake(_ file: FileHandle, now: MonotonicTime) -> [FreedLock] {
        files.index(forKey: file).map { files.values[$0].wake(file, now: now, limits: limits) } ?? []
    }

    /// Forgets a waiter that could not be told.
    /// - Returns: who may have now what was kept for it.
    package mutating func abandon(_ lock: FreedLock, now: MonotonicTime) -> [FreedLock] {
        guard let position = files.index(forKey: lock.file) else { return [] }
        files.values[position].removeWaiters { $0.isOf(lock.waiter.client, lock.waiter.owner) && $0.called != nil }
        return files.values[position].wake(lock.file, now: now, limits: limits)
    }
}
