import Glibc
import Synchronization

/// An open descriptor. It is closed when the last thread that uses it, and the node that keeps it, let go.
final class Descriptor: Sendable {
    /// What a descriptor can be used for; each includes those before it.
    enum Use: Int, Comparable, Sendable {
        /// Naming the file: attributes, names in a directory.
        case path
        /// Reading data or entries, and bringing them to stable storage.
        case read
        /// Reading and writing data.
        case write

        static func < (left: Use, right: Use) -> Bool { left.rawValue < right.rawValue }
    }

    let number: Int32
    let use: Use
    private let count: Count

    /// How many descriptors of a volume are open, and how many may be before those not used lately are closed.
    final class Count: Sendable {
        fileprivate let open = Atomic<Int>(0)
        private let most: Atomic<Int>

        init(limit: Int) { most = Atomic(limit) }

        var value: Int { open.load(ordering: .relaxed) }

        var limit: Int {
            get { most.load(ordering: .relaxed) }
            set { most.store(newValue, ordering: .relaxed) }
        }

        var isFull: Bool { value >= limit }
    }

    /// Takes over the descriptor `number`.
    init(_ number: Int32, for use: Use, counted count: Count) {
        self.number = number
        self.use = use
        self.count = count
        count.open.wrappingAdd(1, ordering: .relaxed)
    }

    deinit {
        close(number)
        count.open.wrappingSubtract(1, ordering: .relaxed)
    }
}
