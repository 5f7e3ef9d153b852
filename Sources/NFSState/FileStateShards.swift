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

    package init(instance: ServerInstance, limits: StateLimits) {
        shards = (0..<64).map { Shard(FileStates(instance: instance, shard: $0, limits: limits)) }
    }

    /// Runs `body` on the shard that `file` belongs to.
    package func withShard<Result: Sendable>(
        of file: FileHandle, _ body: (inout FileStates) throws(NFSStatus) -> Result
    ) throws(NFSStatus) -> Result {
        let shard = shards[Int(UInt(bitPattern: file.hashValue) % UInt(shards.count))]
        return try shard.states.withLock { states throws(NFSStatus) in try body(&states) }
    }

    /// Runs `body` on the shard that made the stateid.
    /// - Throws: `badStateid` for one that none made.
    package func withShard<Result: Sendable>(
        of stateID: StateID, _ body: (inout FileStates) throws(NFSStatus) -> Result
    ) throws(NFSStatus) -> Result {
        guard shards.indices.contains(stateID.other.shard) else { throw .badStateid }
        return try shards[stateID.other.shard].states.withLock { states throws(NFSStatus) in try body(&states) }
    }

    /// Removes everything a client that is gone holds. The resources are for the caller to let go of.
    package func dropAll(of client: Client) -> [OpenResource] {
        shards.flatMap { $0.states.withLock { $0.dropAll(of: client) } }
    }
}
