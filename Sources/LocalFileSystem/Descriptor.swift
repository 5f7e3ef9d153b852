import Dispatch
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
        fileprivate let closing = DispatchGroup()
        private let most: Atomic<Int>

        init(limit: Int) { most = Atomic(limit) }

        /// Returns when those are closed that nobody uses any more.
        func waitForClosing() { closing.wait() }

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
        guard Self.takesLongToClose(number) else { return Self.close(number, counted: count) }
        DispatchQueue.global().async(group: count.closing) { [number, count] in Self.close(number, counted: count) }
    }

    private static func close(_ number: Int32, counted count: Count) {
        Glibc.close(number)
        count.open.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Whether the file is removed and large: the kernel frees its storage when the last descriptor is closed, and whoever closes it,
    /// which may be an event loop, waits for that.
    private static func takesLongToClose(_ number: Int32) -> Bool {
        var status = stat()
        return fstat(number, &status) == 0 && status.st_nlink == 0 && status.st_blocks > 16 << 11
    }
}
