/// nfs_fh4: names a file for as long as it exists, through restarts and moves of the volume (RFC 8881 §4.2).
///
/// A value of fixed size, so that a filehandle in a request costs no allocation.
@frozen @usableFromInline package struct FileHandle: Hashable, Sendable {
    /// The longest filehandle this server makes, in bytes; the protocol allows 128 (NFS4_FHSIZE).
    @usableFromInline package static let maximumLength = 64

    @usableFromInline var words: InlineArray<8, UInt64>
    /// Length in bytes.
    @usableFromInline package private(set) var count: Int

    /// - Returns: nil when `bytes` is longer than `maximumLength`.
    package init?(_ bytes: RawSpan) {
        guard bytes.byteCount <= Self.maximumLength else { return nil }
        count = bytes.byteCount
        words = InlineArray(repeating: 0)
        // Low byte first is memory order on the little-endian machines this server runs on.
        var words = words.mutableSpan
        words.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }

    /// The bytes of `word`, the highest first, and those of `rest` behind them.
    /// - Returns: nil when they are too many.
    package init?(_ word: UInt64, _ rest: FileHandle) {
        guard rest.count <= Self.maximumLength - 8 else { return nil }
        count = 8 + rest.count
        words = InlineArray(repeating: 0)
        words[0] = word.byteSwapped
        for index in 1..<8 { words[index] = rest.words[index - 1] }
    }

    /// The byte at `index`, 0 behind the end.
    package subscript(index: Int) -> UInt8 { UInt8(truncatingIfNeeded: words[index / 8] >> UInt64(index % 8 * 8)) }

    /// Calls `body` with the bytes.
    package func withBytes<Result: ~Copyable, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(words.span.bytes.extracting(first: count))
    }

    @inlinable package static func == (left: FileHandle, right: FileHandle) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<8 where left.words[index] != right.words[index] { return false }
        return true
    }

    /// All bytes in one word. Who wants several handles with the same one has to find files that have them.
    @inlinable package var folded: UInt64 {
        var folded = UInt64(truncatingIfNeeded: count)
        for index in 0..<((count + 7) / 8) {
            folded = (folded ^ words[index]) &* 0x9e37_79b9_7f4a_7c15
            folded ^= folded >> 32
        }
        return folded
    }

    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(folded) }
}
