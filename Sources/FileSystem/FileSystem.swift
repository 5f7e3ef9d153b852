import NFSProtocol

/// A tree of files that can be exported.
///
/// Below this line there are no stateids, locks, leases or XDR. Every call may throw `NFSStatus.wouldBlock` when its
/// caller may not wait; such a call had no side effect.
package protocol FileSystem: AnyObject, Sendable {
    /// Names the file system: equal after a restart, a remount and a move of its device to another machine.
    var identity: FileSystemIdentity { get }

    /// The directory the tree starts at.
    var root: any Node { get }

    /// The file a handle made by this file system stands for.
    /// - Throws: `badhandle` when the bytes are no handle of this file system, `stale` when the file is gone.
    func node(for handle: FileHandle, _ caller: Caller) throws(NFSStatus) -> any Node

    /// Whether `file` was opened here.
    func hasOpened(_ file: any OpenFile) -> Bool

    /// Makes the calling thread the server's own again. A call may leave its thread acting as its caller, as the next is
    /// often of the same; what the thread does outside of file systems, starting threads above all, is not that caller's.
    func actAsServer()
}

extension FileSystem {
    /// How full the file system is, without what may be mounted inside.
    package func statistics(_ caller: Caller) throws(NFSStatus) -> FileSystemStatistics { try root.statistics(caller) }

    /// What a file system does that never acts as anybody.
    package func actAsServer() {}
}

/// The UUID of a file system, as two words in the order of its bytes.
package struct FileSystemIdentity: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}
