import NFSProtocol

/// What the engine attaches to an open: its open file. It is handed back when the open goes, so that it is closed after
/// the table is unlocked.
package typealias OpenResource = any AnyObject & Sendable

/// The opens and byte-range locks of files (RFC 8881 §8, §9). One shard of `FileStateShards`.
package struct FileStates: Sendable {
    let limits: StateLimits
    /// The files with an open. The names of the states in them are kept in step by the functions below.
    var files: [FileHandle: FileState] = [:]
    var names: StateNames
    /// The names of opens and locks that were revoked, until the client frees them.
    var revoked: [StateID.Other: RevokedState] = [:]

    /// - Parameter shard: the number of this shard, which goes into its stateids.
    package init(instance: ServerInstance, shard: UInt8, limits: StateLimits) {
        self.limits = limits
        names = StateNames(instance: instance, shard: shard)
    }

    /// Removes an open, the locks made under it and those that wait for it.
    /// - Parameter revocation: why, if the client has to acknowledge it.
    mutating func removeOpen(
        at index: Int, of position: Dictionary<FileHandle, FileState>.Index, as revocation: Revocation? = nil
    ) -> [OpenResource] {
        let (open, locks) = files.values[position].removeOpen(at: index)
        let gone = [open.stateID.other] + locks.map(\.stateID.other)
        for name in gone { names.forget(name) }
        if let revocation {
            for name in gone { revoked[name] = RevokedState(client: open.client, file: files.keys[position], revocation: revocation) }
            open.client.countRevoked(gone.count, as: revocation)
        }
        if files.values[position].opens.isEmpty { files.remove(at: position) }
        return open.resources
    }

    package func checkInvariants() throws(InvariantViolation) {
        var named = 0
        for (handle, file) in files {
            try require(!file.opens.isEmpty, "a file without an open")
            for (index, open) in file.opens.enumerated() {
                try open.checkInvariants()
                named += 1
                try require(names[open.stateID.other] == handle, "an open whose name leads elsewhere")
                for other in file.opens[..<index] {
                    try require(!other.isOf(open.client, open.owner), "two opens of one owner")
                    try require(!other.excludes(Share(access: open.access, deny: open.deny)), "share reservations contradict")
                }
            }
            for (index, lock) in file.locks.enumerated() {
                try lock.ranges.checkInvariants()
                named += 1
                try require(names[lock.stateID.other] == handle, "a lock whose name leads elsewhere")
                try require(lock.stateID.seqid != 0, "a seqid of zero was handed out")
                try require(
                    file.opens.contains { $0.stateID.other == lock.open && $0.client === lock.client }, "a lock without its open")
                for other in file.locks[..<index] {
                    let isSame = other.isOf(lock.client, lock.owner)
                    try require(!isSame || other.open != lock.open, "two lock stateids of one owner under one open")
                    for held in lock.ranges.held {
                        let conflict = other.ranges.conflict(with: held.range, isSame ? .write : held.type)
                        try require(conflict == nil, "locks contradict")
                    }
                }
            }
        }
        try require(named == names.count, "\(names.count) names for \(named) states")
        for (name, state) in revoked {
            try require(names[name] == nil, "a revoked stateid is in use")
            try require(!state.client.isGone, "a client that is gone has a revoked stateid")
        }
        for file in files.values { try file.checkWaiters(limits: limits) }
    }

    /// Opens, lock stateids, ranges and waiting locks of the client here: what `Client.stateCount` counts over all shards.
    package func stateCount(of client: Client) -> Int {
        files.values.reduce(0) { count, file in
            let locks = file.locks.filter { $0.client === client }
            return count + file.opens.count { $0.client === client } + locks.reduce(0) { $0 + 1 + $1.ranges.count }
                + file.waiters.count { $0.client === client }
        }
    }

    /// What `Client.revokedCount` counts over all shards.
    package func revokedCount(of client: Client) -> Int { revoked.values.count { $0.client === client } }
}

/// What is left to do, once the table is unlocked, after opens and locks went.
package struct Released: Sendable {
    /// Open files that nobody needs any more, to be let go of.
    package var resources: [OpenResource] = []
    /// Who may have now what it was denied, to be told.
    package var freed: [FreedLock] = []
}
