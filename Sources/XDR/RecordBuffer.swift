/// A region of memory that records are read into or written to; taken from a `BufferPool` and given back to it.
///
/// One owner at a time writes to it. It may move between threads, it is never used by two at once.
@usableFromInline package final class RecordBuffer: @unchecked Sendable {
    @usableFromInline package let base: UnsafeMutableRawPointer
    /// Size of the region in bytes.
    @usableFromInline package let capacity: Int

    package init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(byteCount: capacity, alignment: 4096)
    }

    deinit { base.deallocate() }

    /// The bytes at `range`, valid while the buffer is neither written to nor given back.
    @_lifetime(borrow self)
    @usableFromInline package func bytes(_ range: Range<Int>) -> RawSpan {
        precondition(range.lowerBound >= 0 && range.upperBound <= capacity)
        let span = RawSpan(_unsafeStart: UnsafeRawPointer(base + range.lowerBound), byteCount: range.count)
        return _overrideLifetime(span, borrowing: self)
    }
}
