import FileSystem
import NFSProtocol
import Synchronization

/// A file system that lives in memory and is gone with its object: for tests of what stands above file systems. It never
/// has to wait.
package final class MemoryFileSystem: FileSystem {
    private let storage: Storage
    private let rootNode: MemoryNode

    package var identity: FileSystemIdentity { storage.identity }
    package var root: any Node { rootNode }

    /// - Parameter identity: makes handles of one such file system strange to another.
    package init(identity: FileSystemIdentity = FileSystemIdentity(high: 0, low: 1)) {
        storage = Storage(identity: identity)
        rootNode = MemoryNode(Tree.rootNumber, .directory, in: storage)
        storage.root.withLock { $0.node = rootNode }
    }

    package func hasOpened(_ file: any OpenFile) -> Bool { (file as? MemoryOpenFile)?.storage === storage }

    package func node(for handle: FileHandle, _ caller: Caller) throws(NFSStatus) -> any Node {
        guard handle.count == 24 else { throw .badhandle }
        let words = (0..<3).map { word in
            (0..<8).reduce(UInt64(0)) { $0 | UInt64(handle[word * 8 + $1]) << UInt64($1 * 8) }
        }
        guard words[1] == identity.high, words[2] == identity.low else { throw .badhandle }
        let number = words[0]
        return storage.node(try storage.tree.withLock { tree throws(NFSStatus) in try tree.inode(number) })
    }

}

/// What the nodes of a `MemoryFileSystem` share.
final class Storage: Sendable {
    let identity: FileSystemIdentity
    let tree = Mutex(Tree())
    /// The file system's own node for its root, of which there is to be one only.
    let root = Mutex(Root())

    struct Root {
        weak var node: MemoryNode?
    }

    init(identity: FileSystemIdentity) { self.identity = identity }

    func node(_ inode: Inode) -> MemoryNode {
        if inode.number == Tree.rootNumber, let root = root.withLock({ $0.node }) { return root }
        return MemoryNode(inode.number, inode.type, in: self)
    }

    func handle(of number: UInt64) -> FileHandle {
        let bytes = [number, identity.high, identity.low].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
        }
        guard let handle = FileHandle(bytes.span.bytes) else { preconditionFailure("24 bytes fit into a FileHandle") }
        return handle
    }
}
