import Testing
import XDR

@Suite struct BufferPoolTests {
    @Test(arguments: [(0, 8192), (1, 8192), (8192, 8192), (8193, 131_072), (131_073, 1_114_112), (2_000_000, 2_000_000)])
    func aBufferHasTheNextSize(wanted: Int, capacity: Int) {
        #expect(BufferPool().take(atLeast: wanted).capacity == capacity)
    }

    @Test func whatIsGivenBackIsTakenAgain() {
        let pool = BufferPool()
        let first = address(of: pool)
        #expect(pool.idleBytes == 8192)
        #expect(address(of: pool) == first)
    }

    private func address(of pool: BufferPool) -> UnsafeMutableRawPointer {
        let buffer = pool.take(atLeast: 1)
        defer { pool.give(back: buffer) }
        return buffer.base
    }

    /// The heart of safe reuse: giving back is a hint, the last holder decides.
    @Test func aBufferSomebodyHoldsIsNotTakenAgain() {
        let pool = BufferPool()
        var held: RecordBuffer? = pool.take(atLeast: 1)
        let base = held?.base
        if let other = held { pool.give(back: other) }
        #expect(pool.idleBytes == 0)
        #expect(pool.lentBytes == 8192)
        #expect(pool.take(atLeast: 1).base != base)

        withExtendedLifetime(held) {}
        held = nil
        #expect(pool.lentBytes == 0)
        // Both the one that was held and the one taken meanwhile are back.
        #expect(pool.idleBytes == 2 * 8192)
    }

    @Test func nothingIsKeptAboveTheLimit() {
        let pool = BufferPool(limit: 3 * 8192)
        var buffers = (0..<10).map { _ in pool.take(atLeast: 1) }
        #expect(pool.lentBytes == 10 * 8192)
        while let buffer = buffers.popLast() { pool.give(back: buffer) }
        #expect(pool.idleBytes == 3 * 8192)
        #expect(pool.lentBytes == 0)
    }

    @Test func whatNobodyNeededSinceTheLastTrimIsFreed() {
        let pool = BufferPool()
        var buffers = (0..<10).map { _ in pool.take(atLeast: 100_000) }
        while let buffer = buffers.popLast() { pool.give(back: buffer) }
        pool.trim()
        #expect(pool.idleBytes == 10 * 131_072, "all were needed")
        buffers = (0..<4).map { _ in pool.take(atLeast: 100_000) }
        while let buffer = buffers.popLast() { pool.give(back: buffer) }
        pool.trim()
        #expect(pool.idleBytes == 4 * 131_072)
        pool.trim()
        #expect(pool.idleBytes == 0)
    }

    @Test func oddSizesAreCountedButNotKept() {
        let pool = BufferPool()
        var buffer: RecordBuffer? = pool.take(atLeast: 3_000_000)
        #expect(pool.lentBytes == 3_000_000)
        withExtendedLifetime(buffer) {}
        buffer = nil
        #expect(pool.lentBytes == 0 && pool.idleBytes == 0)
    }

    @Test func anAbandonedWriterReturnsItsBuffer() {
        let pool = BufferPool()
        do {
            var writer = XDRWriter(pool: pool, limit: 1 << 20)
            for _ in 0..<10_000 { writer.uint64(1) }
        }
        #expect(pool.lentBytes == 0)
        #expect(pool.idleBytes == 8192 + 131_072)
    }
}
