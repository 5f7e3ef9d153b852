/// Reads the words of a reply that a workload has to know.
struct ReplyReader {
    private(set) var position: UnsafeRawPointer
    private let end: UnsafeRawPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        position = bytes.baseAddress!
        end = position + bytes.count
    }

    @inline(__always)
    private mutating func advance(_ count: Int) throws(LoadFailure) -> UnsafeRawPointer {
        guard count <= end - position else { throw .reply("it ends too early") }
        defer { position += count }
        return position
    }

    @inline(__always)
    mutating func uint32() throws(LoadFailure) -> UInt32 {
        UInt32(bigEndian: try advance(4).loadUnaligned(as: UInt32.self))
    }

    @inline(__always)
    mutating func uint64() throws(LoadFailure) -> UInt64 {
        UInt64(bigEndian: try advance(8).loadUnaligned(as: UInt64.self))
    }

    mutating func skip(_ count: Int) throws(LoadFailure) { _ = try advance(count) }

    /// Opaque data of variable length.
    mutating func opaque() throws(LoadFailure) -> UnsafeRawBufferPointer {
        let count = Int(try uint32())
        return UnsafeRawBufferPointer(start: try advance((count + 3) & ~3), count: count)
    }

    mutating func skipOpaque() throws(LoadFailure) { _ = try opaque() }

    /// A bitmap, or another array of words.
    mutating func skipWords() throws(LoadFailure) { try skip(4 * Int(try uint32())) }
}
