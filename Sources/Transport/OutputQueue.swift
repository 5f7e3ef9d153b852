import CLinux
import Glibc
import RPC
import XDR

/// The records of a connection that the kernel has not taken yet.
struct OutputQueue {
    enum Progress: Equatable {
        case finished
        /// The socket's buffer is full.
        case blocked
        case failed(Int32)
    }

    private struct Piece {
        var buffer: RecordBuffer
        var start: Int
        var end: Int
    }

    /// A reply up to this size is copied behind the one in front of it: cheaper than a buffer of its own in the write.
    private static let copiedSize = 512
    /// Buffers handed to the kernel at once.
    private static let maximumParts = 64

    private let pool: BufferPool
    private var pieces: [Piece?] = []
    private var first = 0
    /// Bytes the kernel has not taken yet.
    private(set) var unsent = 0
    /// Bytes of the buffers they lie in: a short record may hold a large one.
    private(set) var held = 0

    init(pool: BufferPool) { self.pool = pool }

    var isEmpty: Bool { unsent == 0 }

    /// Appends the record whose bytes stand behind the room for its mark.
    mutating func append(_ buffer: consuming RecordBuffer, count: Int) {
        precondition(count >= RecordMark.length && count <= buffer.capacity)
        let mark = RecordMark.lastFragment | UInt32(truncatingIfNeeded: count - RecordMark.length)
        buffer.base.storeBytes(of: mark.bigEndian, as: UInt32.self)
        unsent += count
        let last = pieces.count - 1
        if count <= Self.copiedSize, last >= first, let end = pieces[last]?.end, let target = pieces[last]?.buffer,
            target.capacity - end >= count
        {
            (target.base + end).copyMemory(from: buffer.base, byteCount: count)
            pieces[last]?.end = end + count
            pool.give(back: buffer)
        } else {
            held += buffer.capacity
            pieces.append(Piece(buffer: buffer, start: 0, end: count))
        }
    }

    /// Hands the kernel as much as it takes. `sent` counts the bytes.
    mutating func write(to socket: Int32, sent total: inout Int) -> Progress {
        while unsent > 0 {
            let count = min(pieces.count - first, Self.maximumParts)
            let sent = withUnsafeTemporaryAllocation(of: iovec.self, capacity: count) { parts in
                for index in 0..<count {
                    guard let piece = pieces[first + index] else { return -Int(EFAULT) }
                    parts[index] = iovec(iov_base: piece.buffer.base + piece.start, iov_len: piece.end - piece.start)
                }
                return clinux_send(socket, parts.baseAddress, Int32(count))
            }
            switch sent {
            case 0...:
                total += sent
                drop(sent)
            case -Int(EINTR): continue
            case -Int(EAGAIN): return .blocked
            default: return .failed(Int32(truncatingIfNeeded: -sent))
            }
        }
        return .finished
    }

    private mutating func drop(_ sent: Int) {
        unsent -= sent
        var rest = sent
        while rest > 0, let size = pieces[first].map({ $0.end - $0.start }) {
            guard rest >= size else {
                pieces[first]?.start += rest
                break
            }
            rest -= size
            giveBackFirst()
        }
        if unsent == 0 {
            pieces.removeAll(keepingCapacity: true)
            first = 0
        } else if first > 32, first * 2 > pieces.count {
            pieces.removeFirst(first)
            first = 0
        }
    }

    private mutating func giveBackFirst() {
        var piece: Piece?
        swap(&piece, &pieces[first])
        first += 1
        guard let buffer = piece.take()?.buffer else { return }
        held -= buffer.capacity
        pool.give(back: buffer)
    }

    /// Forgets what was not sent.
    mutating func reset() {
        while first < pieces.count { giveBackFirst() }
        pieces = []
        first = 0
        unsent = 0
    }
}
