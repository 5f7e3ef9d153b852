import Glibc
import RPC
import XDR

/// Why the bytes of a connection are no stream of records; nothing behind the place can be read.
package enum RecordError: Error, Equatable {
    case tooLong(bytes: Int)
    case tooManyFragments
}

/// Finds the records (RFC 5531 §11) in the bytes of one connection.
///
/// A record lies in one buffer and is handed out where it was received; only the fragments of a record of several are
/// moved together. Between records no buffer is held.
package struct RecordAssembler {
    /// What a sender may need for a record; libtirpc splits at 8 KiB or so.
    package static let maximumFragments = 1024
    /// Below this much room it is cheaper to move on to another buffer than to receive.
    private static let leastRoom = 512

    private let pool: BufferPool
    private let maximumRecord: Int
    private var buffer: RecordBuffer?
    /// Where the first mark of the incomplete record lies; what is in front belongs to records handed out.
    private var start = 0
    /// Bytes of the complete fragments of that record, which lie together behind its first mark.
    private var joined = 0
    private var fragments = 0
    /// Where the mark of the incomplete fragment lies.
    private var mark = 0
    /// Behind the last byte received.
    private var end = 0
    /// What to begin with: a size in which the last record would have fitted.
    private var firstCapacity = BufferPool.sizes[0]

    package init(pool: BufferPool, maximumRecord: Int) {
        self.pool = pool
        self.maximumRecord = maximumRecord
    }

    /// Whether part of a record was received.
    package var isPartial: Bool { end > start }

    /// The next complete record, nil when more bytes are needed.
    package mutating func next() throws(RecordError) -> Record? {
        while let buffer, let (length, isLast) = fragment {
            guard length <= maximumRecord - joined else { throw .tooLong(bytes: joined + length) }
            guard fragments < Self.maximumFragments else { throw .tooManyFragments }
            let fragmentEnd = mark + RecordMark.length + length
            guard fragmentEnd <= end else { return nil }
            let target = start + RecordMark.length + joined
            if target != mark + RecordMark.length {
                memmove(buffer.base + target, buffer.base + mark + RecordMark.length, length)
            }
            joined += length
            fragments += 1
            mark = fragmentEnd
            if isLast { return finish(in: buffer) }
        }
        return nil
    }

    private mutating func finish(in buffer: RecordBuffer) -> Record {
        let first = start + RecordMark.length
        let record = Record(buffer: buffer, range: first..<(first + joined))
        // Large records are received into a buffer of their own, so a small one is best to read their mark.
        let isMedium = joined > BufferPool.sizes[0] / 2 && joined < BufferPool.sizes[1] * 7 / 8
        firstCapacity = isMedium ? BufferPool.sizes[1] : BufferPool.sizes[0]
        start = mark
        joined = 0
        fragments = 0
        return record
    }

    /// The length of the incomplete fragment, once its mark is there.
    private var fragment: (length: Int, isLast: Bool)? {
        guard let buffer, end - mark >= RecordMark.length else { return nil }
        let word = UInt32(bigEndian: (buffer.base + mark).loadUnaligned(as: UInt32.self))
        return (Int(word & ~RecordMark.lastFragment), word & RecordMark.lastFragment != 0)
    }

    /// Bytes from the record's start to the end of its incomplete fragment, as far as known.
    private var wanted: Int {
        let fragmentEnd = mark + RecordMark.length + (fragment?.length ?? 0)
        return fragmentEnd - start
    }

    private var capacity: Int { buffer?.capacity ?? 0 }

    private enum Place { case here, front, another }

    /// Where the next bytes belong.
    private mutating func place() -> Place {
        let room = capacity - end
        guard isPartial else {
            guard buffer != nil, capacity <= BufferPool.sizes[1] else { return .another }
            if isKnownUniquelyReferenced(&buffer) { return .front }
            return room >= Self.leastRoom ? .here : .another
        }
        if room >= Self.leastRoom || start + wanted <= capacity { return .here }
        return wanted <= capacity && isKnownUniquelyReferenced(&buffer) ? .front : .another
    }

    /// Where to receive to, nil when that takes another buffer and there may be none. `next` must have returned nil before.
    ///
    /// A larger buffer is taken when the one at hand is full and not when a mark announces much: bytes must have come for
    /// memory to be spent.
    package mutating func room(mayTakeBuffer: Bool) -> UnsafeMutableRawBufferPointer? {
        switch place() {
        case .here: break
        case .front: moveToFront()
        case .another:
            guard mayTakeBuffer else { return nil }
            replace()
        }
        guard let buffer else { return nil }
        var count = buffer.capacity - end
        // What follows a large record would have to be moved out of its buffer.
        if buffer.capacity > BufferPool.sizes[1], fragment != nil { count = min(count, start + wanted - end) }
        return UnsafeMutableRawBufferPointer(start: buffer.base + end, count: count)
    }

    /// Goes on in another buffer that holds the fragment, and what may follow it when the record has several.
    private mutating func replace() {
        let largest = BufferPool.sizes[BufferPool.sizes.count - 1]
        let needed = wanted <= largest ? wanted : maximumRecord + RecordMark.length * (Self.maximumFragments + 1)
        let other = pool.take(atLeast: isPartial ? max(needed, firstCapacity) : firstCapacity)
        if let buffer { other.base.copyMemory(from: buffer.base + start, byteCount: end - start) }
        rebase()
        giveBack()
        buffer = other
    }

    private mutating func moveToFront() {
        guard let buffer else { return }
        memmove(buffer.base, buffer.base + start, end - start)
        rebase()
    }

    private mutating func rebase() {
        mark -= start
        end -= start
        start = 0
    }

    private mutating func giveBack() {
        if let buffer = buffer.take() { pool.give(back: buffer) }
    }

    /// `count` more bytes are in the room.
    package mutating func received(_ count: Int) { end += count }

    /// Lets the buffer go when there is no part of a record in it.
    package mutating func releaseIfEmpty() {
        if !isPartial { reset() }
    }

    /// Forgets what was received.
    package mutating func reset() {
        giveBack()
        (start, joined, fragments, mark, end) = (0, 0, 0, 0, 0)
    }
}
