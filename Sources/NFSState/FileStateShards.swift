import NFSProtocol
import Synchronization

/// The opens and locks of all files, in shards with a lock of their own each. A shard's lock is the innermost one: nothing
/// else is locked, and no file is closed, while it is held.
package final class FileStateShards: Sendable {
    private final class Shard: Sendable {
        let states: Mutex<FileStates>
        init(_ states: FileStates) { self.states = Mutex(states) }
    }

    private let shards: [Shard]
    /// Whether anybody ever asked for an open that denies others something. Linux clients do not.
    private let wasDenialAsked = Atomic<Bool>(false)

    package init(instance: ServerInstance, limits: StateLimits) {
        shards = (0..<64).map { Shard(FileStates(instance: instance, shard: $0, limits: limits)) }
    }

    /// Whether there may be an open that denies others something: to be noted before one is asked for.
    package var mayHaveDenials: Bool { wasDenialAsked.load(ordering: .acquiring) }

    package func noteDenial() { wasDenialAsked.store(true, ordering: .releasing) }

    /// Runs `body` on the shard that `file` belongs to.
    package func withShard<Result: Sendable>(
        of file: FileHandle, _ body: (inout FileStates) throws(NFSStatus) -> Result
    ) throws(NFSStatus) -> Result {
        try shard(of: file).states.withLock { states throws(NFSStatus) in try body(&states) }
    }

    private func shard(of file: FileHandle) -> Shard { shards[Int(file.folded % UInt64(shards.count))] }

    /// Runs `body` on the shard that made the stateid.
    /// - Throws: `badStateid` for one that none made.
    package func withShard<Result: Sendable>(
        of stateID: StateID, _ body: (inout FileStates) throws(NFSStatus) -> Result
    ) throws(NFSStatus) -> Result {
        guard shards.indices.contains(stateID.other.shard) else { throw .badStateid }
        return try shards[stateID.other.shard].states.withLock { states throws(NFSStatus) in try body(&states) }
    }

    /// Who may have a lock of the file now (`FileStates.wake`).
    package func wake(_ file: FileHandle, now: MonotonicTime) -> [FreedLock] {
        shard(of: file).states.withLock { $0.wake(file, now: now) }
    }

    /// Forgets a waiter that could not be told (`FileStates.abandon`).
    package func abandon(_ lock: FreedLock, now: MonotonicTime) -> [FreedLock] {
        shard(of: lock.file).states.withLock { $0.abandon(lock, now: now) }
    }

    /// Removes everything a client that is gone holds.
    package func dropAll(of client: Client, now: MonotonicTime) -> Released {
        released { $0.dropAll(of: client, now: now) }
    }

    /// Revokes everything a client holds, which must be kept from getting more (`Client.beginRevocation`).
    package func revokeAll(of client: Client, as revocation: Revocation, now: MonotonicTime) -> Released {
        released { $0.revokeAll(of: client, as: revocation, now: now) }
    }

    /// Revokes the opens of files that nobody serves any more (`FileStates.revokeOpens`).
    package func revokeOpens(now: MonotonicTime, where isGone: (OpenResource) -> Bool) -> Released {
        released { $0.revokeOpens(now: now, where: isGone) }
    }

    /// Returns when no shard is at work any more on what was asked of it before: what was allowed by then is counted.
    package func settle() {
        for shard in shards { shard.states.withLock { _ in } }
    }

    private func released(_ body: (inout FileStates) -> Released) -> Released {
        shards.reduce(into: Released()) { all, shard in
            let released = shard.states.withLock { body(&$0) }
            all.resources += released.resources
            all.freed += released.freed
        }
    }

    /// What each client that holds something holds. Not of one moment: the shards are looked at one after the other.
    package func held() -> [ClientID: HeldCount] {
        var held: [ClientID: HeldCount] = [:]
        for shard in shards { shard.states.withLock { $0.count(into: &held) } }
        return held
    }
}
