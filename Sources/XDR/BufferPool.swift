import Synchronization

/// Recycles record buffers in a few sizes: a fresh mebibyte costs 256 page faults, a recycled one none.
///
/// What is lent out is counted, and bounded by those who take it; nothing is kept idle that would bring both together above the limit,
/// and what nobody needed between two calls of `trim` is freed.
@usableFromInline package final class BufferPool: Sendable {
    /// The sizes handed out, in bytes. The largest holds a 1 MiB READ or WRITE and what stands around it.
    package static let sizes: InlineArray<3, Int> = [8 * 1024, 128 * 1024, 1024 * 1024 + 64 * 1024]

    private struct Idle {
        /// By size.
        var buffers = InlineArray<3, [RecordBuffer]>(repeating: [])
        /// How many there were at least since the last trim, by size.
        var unneeded = InlineArray<3, Int>(repeating: 0)
        var bytes = 0
    }

    /// The number of the smallest size of at least `capacity`.
    private static func size(atLeast capacity: Int) -> Int? { sizes.indices.first { sizes[$0] >= capacity } }

    private let idle = Mutex(Idle())
    private let limit: Int
    private let lent = Atomic<Int>(0)

    /// - Parameter limit: bytes that are lent out and idle together, above which none is kept for reuse.
    package init(limit: Int = 32 * 1024 * 1024) {
        self.limit = limit
    }

    /// A buffer of at least `capacity` bytes. Larger than the largest size is possible and not recycled.
    package func take(atLeast capacity: Int) -> RecordBuffer {
        let buffer: RecordBuffer
        if let size = Self.size(atLeast: capacity) {
            buffer = recycled(size) ?? RecordBuffer(capacity: Self.sizes[size])
        } else {
            buffer = RecordBuffer(capacity: capacity)
        }
        buffer.lender = self
        lent.add(buffer.capacity, ordering: .relaxed)
        return buffer
    }

    private func recycled(_ size: Int) -> RecordBuffer? {
        idle.withLock { idle in
            guard let buffer = idle.buffers[size].popLast() else { return nil }
            idle.bytes -= Self.sizes[size]
            idle.unneeded[size] = min(idle.unneeded[size], idle.buffers[size].count)
            return buffer
        }
    }

    /// Takes back a buffer its caller no longer needs. Whoever else holds it may go on using it; it returns with the last
    /// of them.
    package func give(back buffer: consuming RecordBuffer) {
        guard isKnownUniquelyReferenced(&buffer) else { return }
        // What the former holders read must have been read before the next one writes.
        atomicMemoryFence(ordering: .acquiring)
        buffer.lender = nil
        lent.subtract(buffer.capacity, ordering: .relaxed)
        keep(buffer)
    }

    /// The way back for memory whose last holder just let go of its buffer.
    func recover(_ base: UnsafeMutableRawPointer, capacity: Int) {
        lent.subtract(capacity, ordering: .relaxed)
        keep(RecordBuffer(recovering: base, capacity: capacity))
    }

    private func keep(_ buffer: RecordBuffer) {
        guard let size = Self.size(atLeast: buffer.capacity), Self.sizes[size] == buffer.capacity else { return }
        idle.withLock { idle in
            guard idle.bytes + buffer.capacity + lentBytes <= limit else { return }
            idle.bytes += buffer.capacity
            idle.buffers[size].append(buffer)
        }
    }

    /// Frees the buffers that lay idle all the time since the last call.
    package func trim() {
        let freed = idle.withLock { idle in
            Self.sizes.indices.flatMap { size in
                let freed = idle.buffers[size].prefix(idle.unneeded[size])
                idle.buffers[size].removeFirst(freed.count)
                idle.bytes -= freed.count * Self.sizes[size]
                idle.unneeded[size] = idle.buffers[size].count
                return freed
            }
        }
        withExtendedLifetime(freed) {}
    }

    /// Bytes lying idle for reuse.
    package var idleBytes: Int { idle.withLock { $0.bytes } }

    /// Bytes of the buffers that are out.
    package var lentBytes: Int { lent.load(ordering: .relaxed) }
}
