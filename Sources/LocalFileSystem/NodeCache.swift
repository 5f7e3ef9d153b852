import NFSProtocol
import Synchronization

/// The nodes of a volume by filehandle: one object for each file as long as anybody uses it, and beyond that the most
/// recently used ones.
///
/// What is scarce are descriptors, so nodes go when descriptors do. A hand goes round the nodes of a shard and takes away
/// the descriptors of those that were not used since it came by last.
final class NodeCache: Sendable {
    private final class Shard: Sendable {
        let contents = Mutex(Contents())
    }

    private let shards = (0..<256).map { _ in Shard() }
    private let nextShard = Atomic<Int>(0)

    /// The node of `handle`, if it is known.
    func find(_ handle: FileHandle) -> LocalNode? {
        shard(of: handle).contents.withLock { contents in
            guard let index = contents.indices[handle] else { return nil }
            let node = contents.nodes[index]
            node.markUsed()
            return node
        }
    }

    /// The node of `handle`; `make` makes it if it is not known.
    func node(_ handle: FileHandle, make: () -> LocalNode) -> LocalNode {
        shard(of: handle).contents.withLock { contents in
            if let index = contents.indices[handle] { return contents.nodes[index] }
            let node = make()
            contents.insert(node)
            return node
        }
    }

    /// Lets go of a node whose file is gone.
    func forget(_ node: LocalNode) {
        let forgotten = shard(of: node.handle).contents.withLock { contents -> LocalNode? in
            guard let index = contents.indices[node.handle], contents.nodes[index] === node else { return nil }
            return contents.remove(at: index)
        }
        // Its descriptor is closed here, outside the lock.
        _ = forgotten
    }

    /// Makes the cache let go of all nodes, and keep none from now on.
    func close() {
        for shard in shards {
            let nodes = shard.contents.withLock { contents in
                let nodes = contents.nodes
                contents = Contents()
                contents.isClosed = true
                return nodes
            }
            _ = nodes
        }
    }

    /// Closes the descriptors of all nodes, which stay.
    /// - Returns: whether data is lost that was written and not committed.
    func closeDescriptors() -> Bool {
        var isDataLost = false
        for shard in shards {
            for node in shard.contents.withLock({ $0.nodes }) where node.giveUpDescriptors() { isDataLost = true }
        }
        return isDataLost
    }

    /// Closes a descriptor, or drops a node, that was not used lately.
    /// - Parameter mayBlock: whether a file that has unwritten data may be brought to stable storage for that.
    /// - Returns: false when there is nothing to close.
    func evictOne(mayBlock: Bool) -> Bool {
        let first = nextShard.wrappingAdd(1, ordering: .relaxed).oldValue
        for offset in 0..<shards.count {
            let shard = shards[Int(UInt(bitPattern: first &+ offset) % UInt(shards.count))]
            let attempts = shard.contents.withLock { $0.nodes.count }
            for _ in 0..<attempts {
                guard let victim = shard.contents.withLock({ $0.nextVictim() }) else { break }
                switch victim {
                case .removed: return true
                case .inUse(let node): if node.closeDescriptors(mayBlock: mayBlock) { return true }
                }
            }
        }
        return false
    }

    private func shard(of handle: FileHandle) -> Shard {
        // The low byte of the inode number in the kernel's handles of ext4 and XFS.
        shards[Int(handle[KernelHandle.headLength]) % shards.count]
    }

    private enum Victim {
        case removed(LocalNode)
        case inUse(LocalNode)
    }

    private struct Contents {
        var nodes: [LocalNode] = []
        var indices: [FileHandle: Int] = [:]
        var hand = 0
        var isClosed = false

        mutating func insert(_ node: LocalNode) {
            guard !isClosed else { return }
            indices[node.handle] = nodes.count
            nodes.append(node)
        }

        mutating func remove(at index: Int) -> LocalNode {
            nodes.swapAt(index, nodes.count - 1)
            let node = nodes.removeLast()
            indices[node.handle] = nil
            if index < nodes.count { indices[nodes[index].handle] = index }
            return node
        }

        /// Moves the hand to the next node that was not used since the last time.
        mutating func nextVictim() -> Victim? {
            for _ in 0..<2 * nodes.count {
                if hand >= nodes.count { hand = 0 }
                let index = hand
                hand += 1
                if nodes[index].clearUsed() { continue }
                // New references come out of the cache alone, whose lock is held: a node unique here stays so.
                if isKnownUniquelyReferenced(&nodes[index]), nodes[index].isClean { return .removed(remove(at: index)) }
                if nodes[index].keptDescriptor != nil { return .inUse(nodes[index]) }
            }
            return nil
        }
    }
}
