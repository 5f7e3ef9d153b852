import NFSProtocol
import Synchronization

/// The opens and locks of all files, in shards with a lock of their own each. A shard's lock is the innermost one: nothing
/// else is locked, and no file is closed, while it is held.
package final class FileStateShards: Sendable {
    package init(instance: ServerInstance, limits: StateLimits) { fatalError() }

    /// Runs `body` on the shard that `file` belongs to.
    package func withShard<Result>(
        of file: FileHandle, _ body: (inout FileStates) throws(NFSStatus) -> sending Result
    ) throws(NFSStatus) -> sending Result {
        fatalError()
    }

    /// Runs `body` on the shard that made the stateid.
    package func withShard<Result>(
        of stateID: StateID, _ body: (inout FileStates) throws(NFSStatus) -> sending Result
    ) throws(NFSStatus) -> sending Result {
        fatalError()
    }

    /// Removes everything a client that is gone holds. The resources are for the caller to let go of.
    package func dropAll(of client: Client) -> [OpenResource] { fatalError() }
}
