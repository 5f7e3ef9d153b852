import Synchronization

/// The memory that may be taken by what is remembered of files so that the kernel need not be asked again: entries of directories and
/// filehandles, those of all file systems together. Nodes are bounded by their descriptors.
package final class CacheMemory: Sendable {
    /// Bytes.
    package let limit: Int
    private let lent = Atomic<Int>(0)

    package init(limit: Int) { self.limit = limit }

    /// Bytes in use.
    package var taken: Int { lent.load(ordering: .relaxed) }

    /// - Returns: false when there is not so much left, and nothing is taken.
    func take(_ bytes: Int) -> Bool {
        guard lent.add(bytes, ordering: .relaxed).newValue <= limit else {
            give(back: bytes)
            return false
        }
        return true
    }

    func give(back bytes: Int) { lent.subtract(bytes, ordering: .relaxed) }
}
