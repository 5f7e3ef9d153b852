/// A region of memory that records are read into or written to; lent by a `BufferPool`.
///
/// One owner at a time writes to a range of it. It may move between threads. When the last reference goes, the memory
/// returns to the pool, so a buffer is never reused while somebody still holds it.
@usableFromInline package final class RecordBuffer: @unchecked Sendable {
    @usableFromInline package let base: UnsafeMutableRawPointer
    /// Size of the region in bytes.
    @usableFromInline package let capacity: Int
    /// The pool the memory is lent from, nil while it lies there idle. Set by the pool while nobody else has the buffer.
    var lender: BufferPool?

    package init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(byteCount: capacity, alignment: 4096)
    }

    init(recovering base: UnsafeMutableRawPointer, capacity: Int) {
        self.base = base
        self.capacity = capacity
    }

    deinit {
        if let lender { lender.recover(base, capacity: capacity) } else { base.deallocate() }
    }

    /// The bytes at `range`, valid while they are not written to.
    @_lifetime(borrow self)
    @usableFromInline package func bytes(_ range: Range<Int>) -> RawSpan {
        precondition(range.lowerBound >= 0 && range.upperBound <= capacity)
        let span = RawSpan(_unsafeStart: UnsafeRawPointer(base + range.lowerBound), byteCount: range.count)
        return _overrideLifetime(span, borrowing: self)
    }
}
