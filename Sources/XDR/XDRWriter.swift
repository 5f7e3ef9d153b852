/// Writes XDR values (RFC 4506) one behind the other into a pooled buffer that grows up to a limit.
///
/// A value that does not fit below the limit is dropped and `overflowed` is set; the writer stays usable, so callers
/// check once for each result instead of once for each word.
@frozen @usableFromInline package struct XDRWriter: ~Copyable {
    /// Nil after `detach`; until then it owns the memory at `base`.
    @usableFromInline private(set) var buffer: RecordBuffer?
    @usableFromInline private(set) var base: UnsafeMutableRawPointer
    @usableFromInline private(set) var capacity: Int
    @usableFromInline let pool: BufferPool
    /// Bytes written so far.
    @usableFromInline package private(set) var count: Int
    /// Bytes that may be written at most; what was written stays when it is lowered.
    @usableFromInline package var limit: Int
    /// Whether a value was dropped since the last `truncate`.
    @usableFromInline package private(set) var overflowed = false

    /// Starts at byte `count` of a buffer from `pool`, leaving room for what the transport puts in front.
    package init(pool: BufferPool, startingAt count: Int = 0, capacity: Int = 4096, limit: Int) {
        self.pool = pool
        let buffer = pool.take(atLeast: max(capacity, count))
        base = buffer.base
        self.capacity = buffer.capacity
        self.buffer = buffer
        self.count = count
        self.limit = limit
    }

    /// Makes room for `size` more bytes and returns their address, or nil past the limit.
    @inlinable
    mutating func extend(_ size: Int) -> UnsafeMutableRawPointer? {
        let end = count &+ size
        guard !overflowed, end <= limit else {
            overflowed = true
            return nil
        }
        if end > capacity { grow(to: end) }
        let start = base + count
        count = end
        return start
    }

    @usableFromInline
    mutating func grow(to capacity: Int) {
        let larger = pool.take(atLeast: capacity)
        larger.base.copyMemory(from: base, byteCount: count)
        base = larger.base
        self.capacity = larger.capacity
        let former = buffer.take()
        buffer = larger
        if let former { pool.give(back: former) }
    }

    /// Unsigned integer, RFC 4506 §4.2.
    @inlinable
    package mutating func uint32(_ value: UInt32) {
        guard let start = extend(4) else { return }
        start.storeBytes(of: value.bigEndian, as: UInt32.self)
    }

    /// Unsigned hyper integer, RFC 4506 §4.5.
    @inlinable
    package mutating func uint64(_ value: UInt64) {
        guard let start = extend(8) else { return }
        start.storeBytes(of: value.bigEndian, as: UInt64.self)
    }

    /// Hyper integer, RFC 4506 §4.5.
    @inlinable
    package mutating func int64(_ value: Int64) { uint64(UInt64(bitPattern: value)) }

    /// Boolean, RFC 4506 §4.4.
    @inlinable
    package mutating func bool(_ value: Bool) { uint32(value ? 1 : 0) }

    /// Fixed-length opaque data, padded with zeros to a multiple of four, RFC 4506 §4.9.
    @inlinable
    package mutating func fixedOpaque(_ bytes: RawSpan) {
        let size = bytes.byteCount
        guard let start = extend((size &+ 3) & ~3) else { return }
        bytes.withUnsafeBytes { source in
            if let address = source.baseAddress { start.copyMemory(from: address, byteCount: size) }
        }
        for index in size..<((size &+ 3) & ~3) { start.storeBytes(of: 0, toByteOffset: index, as: UInt8.self) }
    }

    /// XDR that was encoded before.
    @inlinable
    package mutating func encoded(_ bytes: RawSpan) {
        precondition(bytes.byteCount % 4 == 0)
        fixedOpaque(bytes)
    }

    /// Variable-length opaque data or a string, RFC 4506 §4.10 and §4.11.
    @inlinable
    package mutating func opaque(_ bytes: RawSpan) {
        uint32(UInt32(truncatingIfNeeded: bytes.byteCount))
        fixedOpaque(bytes)
    }

    /// Variable-length opaque data or a string, RFC 4506 §4.10 and §4.11.
    @inlinable
    package mutating func opaque(_ bytes: [UInt8]) { opaque(bytes.span.bytes) }

    /// A string, RFC 4506 §4.11.
    @inlinable
    package mutating func string(_ text: String) { opaque(Array(text.utf8)) }

    /// Writes variable-length opaque data of at most `maximum` bytes in place: `fill` puts the bytes at the address it is
    /// given and returns how many there are.
    ///
    /// Past the limit nothing is written, `overflowed` is set and nil is returned.
    @inlinable
    package mutating func opaque<Failure: Error>(
        maximum: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> Int? {
        let start = count
        guard let address = extend(4 &+ ((maximum &+ 3) & ~3)) else { return nil }
        let size: Int
        do throws(Failure) {
            size = try fill(UnsafeMutableRawBufferPointer(start: address + 4, count: maximum))
        } catch {
            count = start
            throw error
        }
        precondition(size >= 0 && size <= maximum)
        address.storeBytes(of: UInt32(size).bigEndian, as: UInt32.self)
        for index in size..<((size &+ 3) & ~3) { address.storeBytes(of: 0, toByteOffset: 4 &+ index, as: UInt8.self) }
        count = start &+ 4 &+ ((size &+ 3) & ~3)
        return size
    }

    /// Leaves room for `size` bytes, which are zero until they are written with `withMutableBytes`.
    /// - Returns: false past the limit.
    package mutating func room(_ size: Int) -> Bool {
        guard let start = extend(size) else { return false }
        UnsafeMutableRawBufferPointer(start: start, count: size).initializeMemory(as: UInt8.self, repeating: 0)
        return true
    }

    /// Changes what was written from byte `start` to the end, in place.
    package mutating func withMutableBytes<Result>(from start: Int, _ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
        precondition(start >= 0 && start <= count)
        return body(UnsafeMutableRawBufferPointer(start: base + start, count: count - start))
    }

    /// Overwrites the word written at byte `position`.
    @inlinable
    package mutating func patch(_ value: UInt32, at position: Int) {
        precondition(position >= 0 && position &+ 4 <= count)
        base.storeBytes(of: value.bigEndian, toByteOffset: position, as: UInt32.self)
    }

    /// Takes back everything behind byte `position` and forgets an overflow.
    @inlinable
    package mutating func truncate(to position: Int) {
        precondition(position >= 0 && position <= count)
        count = position
        overflowed = false
    }

    /// The bytes from `start` to the end, valid until the next write.
    @_lifetime(borrow self)
    package func bytes(from start: Int) -> RawSpan {
        precondition(start >= 0 && start <= count)
        return _overrideLifetime(RawSpan(_unsafeStart: base + start, byteCount: count - start), borrowing: self)
    }

    /// What is written from byte `start` to the end, to be read later: whoever holds the buffer keeps it, also when the writer goes
    /// on in a larger one.
    package func written(from start: Int) -> (buffer: RecordBuffer, range: Range<Int>)? {
        precondition(start >= 0 && start <= count)
        return buffer.map { ($0, start..<count) }
    }

    /// Ends writing and hands the buffer to the caller, who sends it or gives it back to the pool. The writer keeps no
    /// reference, so that the buffer can be recycled as it is, and drops what is written from now on.
    package mutating func detach() -> (buffer: RecordBuffer, count: Int) {
        guard let buffer = buffer.take() else { preconditionFailure("a writer is detached once") }
        defer { (count, capacity, limit, overflowed) = (0, 0, 0, true) }
        return (buffer, count)
    }
}
