import NFSProtocol

/// The opens and byte-range locks of one file that has an open, and who waits for a lock of it.
struct FileState: Sendable {
    var opens: [OpenState] = []
    var locks: [LockState] = []
    /// In the order in which they began to wait.
    var waiters: [WaitingLock] = []

    /// Where the open is that a client names; nil when it names none of its own.
    /// - Throws: `oldStateid`; `badStateid` for a seqid from the future.
    func openIndex(_ stateID: StateID, of client: Client) throws(NFSStatus) -> Int? {
        guard let index = opens.firstIndex(where: { $0.stateID.other == stateID.other && $0.client === client }) else { return nil }
        try opens[index].stateID.accept(stateID)
        return index
    }

    /// Where the lock stateid is that a client names; nil when it names none of its own.
    /// - Throws: as `openIndex`.
    func lockIndex(_ stateID: StateID, of client: Client) throws(NFSStatus) -> Int? {
        guard let index = locks.firstIndex(where: { $0.stateID.other == stateID.other && $0.client === client }) else { return nil }
        try locks[index].stateID.accept(stateID)
        return index
    }

    /// The open that a client's stateid names, by itself or by a lock made under it; nil when it names none.
    /// - Throws: as `openIndex`; `badStateid` for another client's lock.
    func open(of stateID: StateID, client: Client) throws(NFSStatus) -> OpenState? {
        if let index = try openIndex(stateID, of: client) { return opens[index] }
        guard let lock = locks.first(where: { $0.stateID.other == stateID.other }) else { return nil }
        guard lock.client === client else { throw .badStateid }
        try lock.stateID.accept(stateID)
        return opens.first { $0.stateID.other == lock.open }
    }

    /// Takes out an open, the locks made under it and those that wait for it, and counts them no more.
    mutating func removeOpen(at index: Int) -> (OpenState, [LockState]) {
        let open = opens.remove(at: index)
        let name = open.stateID.other
        open.client.countState(-1)
        let under = locks.filter { $0.open == name }
        if !under.isEmpty { locks.removeAll { $0.open == name } }
        for lock in under { lock.client.countState(-1 - lock.ranges.count) }
        removeWaiters { $0.open == name }
        return (open, under)
    }
}
