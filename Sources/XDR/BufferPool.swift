import Synchronization

/// Recycles record buffers in a few sizes: a fresh mebibyte costs 256 page faults, a recycled one none.
///
/// What is kept idle is bounded by `idleLimit`; what is lent out is bounded by the limits of those who take it.
@usableFromInline package final class BufferPool: Sendable {
    /// The sizes handed out, in bytes. The largest holds a 1 MiB READ or WRITE and what stands around it.
    package static let sizes = [8 * 1024, 128 * 1024, 1024 * 1024 + 64 * 1024]

    private struct Idle {
        var buffers: [[RecordBuffer]] = BufferPool.sizes.map { _ in [] }
        var bytes = 0
    }

    private let idle = Mutex(Idle())
    private let idleLimit: Int

    /// - Parameter idleLimit: bytes of idle buffers kept for reuse at most.
    package init(idleLimit: Int = 32 * 1024 * 1024) {
        self.idleLimit = idleLimit
    }

    /// A buffer of at least `capacity` bytes. Larger than the largest size is possible and not recycled.
    package func take(atLeast capacity: Int) -> RecordBuffer {
        guard let size = Self.sizes.firstIndex(where: { $0 >= capacity }) else { return RecordBuffer(capacity: capacity) }
        let recycled = idle.withLock { idle -> RecordBuffer? in
            guard let buffer = idle.buffers[size].popLast() else { return nil }
            idle.bytes -= buffer.capacity
            return buffer
        }
        return recycled ?? RecordBuffer(capacity: Self.sizes[size])
    }

    /// Takes back a buffer that nobody else uses any more.
    package func give(back buffer: RecordBuffer) {
        guard let size = Self.sizes.firstIndex(of: buffer.capacity) else { return }
        idle.withLock { idle in
            guard idle.bytes + buffer.capacity <= idleLimit else { return }
            idle.buffers[size].append(buffer)
            idle.bytes += buffer.capacity
        }
    }

    /// Bytes lying idle for reuse.
    package var idleBytes: Int { idle.withLock { $0.bytes } }
}
