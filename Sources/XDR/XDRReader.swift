/// Reads XDR values (RFC 4506) from a borrowed record, front to back and without copying.
///
/// Opaque values are views of the record: the type system keeps them from outliving it.
@frozen @usableFromInline package struct XDRReader: ~Escapable {
    @usableFromInline package let record: RawSpan
    /// Bytes consumed so far, counted from the start of the record.
    @usableFromInline package private(set) var offset: Int

    /// Reads `record` from the byte at `offset` on, which must not lie behind its end.
    @inlinable
    @_lifetime(copy record)
    package init(_ record: RawSpan, at offset: Int = 0) {
        precondition(offset >= 0 && offset <= record.byteCount)
        self.record = record
        self.offset = offset
    }

    /// Bytes not yet consumed.
    @inlinable package var remaining: Int { record.byteCount &- offset }

    @inlinable
    mutating func advance(_ count: Int) throws(XDRError) -> Int {
        guard count <= remaining else { throw .truncated }
        let start = offset
        offset = start &+ count
        return start
    }

    /// Unsigned integer, RFC 4506 §4.2.
    @inlinable
    package mutating func uint32() throws(XDRError) -> UInt32 {
        let start = try advance(4)
        return UInt32(bigEndian: record.unsafeLoadUnaligned(fromByteOffset: start, as: UInt32.self))
    }

    /// Unsigned hyper integer, RFC 4506 §4.5.
    @inlinable
    package mutating func uint64() throws(XDRError) -> UInt64 {
        let start = try advance(8)
        return UInt64(bigEndian: record.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self))
    }

    /// Hyper integer, RFC 4506 §4.5.
    @inlinable
    package mutating func int64() throws(XDRError) -> Int64 { Int64(bitPattern: try uint64()) }

    /// Boolean, RFC 4506 §4.4: anything but 0 and 1 is `invalid`.
    @inlinable
    package mutating func bool() throws(XDRError) -> Bool {
        switch try uint32() {
        case 0: return false
        case 1: return true
        default: throw .invalid
        }
    }

    /// Fixed-length opaque data of `count` bytes and its padding, RFC 4506 §4.9.
    @inlinable
    @_lifetime(copy self)
    package mutating func fixedOpaque(_ count: Int) throws(XDRError) -> RawSpan {
        guard count <= remaining else { throw .truncated }
        let start = try advance((count &+ 3) & ~3)
        return record.extracting(start..<(start &+ count))
    }

    /// Variable-length opaque data or a string of at most `maximum` bytes, RFC 4506 §4.10 and §4.11.
    @inlinable
    @_lifetime(copy self)
    package mutating func opaque(maximum: Int) throws(XDRError) -> RawSpan {
        let count = Int(try uint32())
        guard count <= maximum else { throw .tooLong }
        return try fixedOpaque(count)
    }

    /// The element count of a variable-length array of at most `maximum` elements, RFC 4506 §4.13.
    @inlinable
    package mutating func count(maximum: Int) throws(XDRError) -> Int {
        let count = Int(try uint32())
        guard count <= maximum else { throw .tooLong }
        return count
    }
}
