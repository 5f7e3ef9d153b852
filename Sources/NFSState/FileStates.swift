import NFSProtocol

/// What the engine attaches to an open: its open file. It is handed back when the open goes, so that it is closed after
/// the table is unlocked.
package typealias OpenResource = any AnyObject & Sendable

/// The opens and byte-range locks of files (RFC 8881 §8, §9). One shard of `FileStateShards`.
package struct FileStates {
    /// - Parameter shard: the number of this shard, which goes into its stateids.
    package init(instance: ServerInstance, shard: UInt8, limits: StateLimits) { fatalError() }

    /// Removes everything the client holds here; it must be gone (`Client.isGone`), so that nothing follows.
    package mutating func dropAll(of client: Client) -> [OpenResource] { fatalError() }
}
