import CLinux
import DequeModule
import Glibc
import RPC
import Synchronization
import Threads

/// Which piece of brief work a loop has begun last.
struct Piece: Equatable {
    var rawValue: UInt
    /// Not done yet.
    var isUnderWay: Bool { rawValue % 2 == 1 }
    var next: Piece { Piece(rawValue: rawValue + 1) }
}

/// The brief work that a loop has undertaken.
///
/// Such work seldom waits, and to wake a thread for it would cost more than to do it, so the loop's own thread does it. A
/// `LoopWatch` sees when a piece waits after all. Then another thread goes on with the loop (`EventLoop.goOnElsewhere`), the one
/// that waits ends when it is through, and until then, and for a second, such work goes to threads of the service.
///
/// Unchecked because everything but the atomics belongs to the loop's thread.
final class BriefWorkQueue: @unchecked Sendable {
    /// Nil as long as nobody would notice that a piece waits.
    var watch: LoopWatch?
    private let service: any RPCService
    private var queue = Deque<BriefWork>()
    private let latest = Atomic<UInt>(0)
    /// Threads that have lost the loop and still wait.
    private let waitingThreads = Atomic<Int>(0)
    private var restEnd = Int64.min

    /// Nanoseconds without such work after a piece has waited.
    private static let rest: Int64 = 1_000_000_000
    /// Pieces done before others have their turn.
    static let batch = 16

    init(_ service: any RPCService) { self.service = service }

    var isEmpty: Bool { queue.isEmpty }

    /// - Returns: false if it is not taken.
    func append(_ work: @escaping BriefWork, at now: Int64) -> Bool {
        guard watch != nil, now >= restEnd, waitingThreads.load(ordering: .relaxed) == 0 else { return false }
        queue.append(work)
        return true
    }

    /// The piece to be done now, noted as under way.
    func begin() -> (work: BriefWork, piece: Piece)? {
        guard let work = queue.popFirst() else { return nil }
        let piece = latestPiece.next
        latest.store(piece.rawValue, ordering: .sequentiallyConsistent)
        watch?.look()
        return (work, piece)
    }

    /// - Returns: whether the loop is still the caller's, who has done `piece`.
    func end(_ piece: Piece) -> Bool {
        if take(piece) { return true }
        waitingThreads.subtract(1, ordering: .relaxed)
        return false
    }

    // MARK: Any thread

    var latestPiece: Piece { Piece(rawValue: latest.load(ordering: .sequentiallyConsistent)) }

    /// Takes the loop from the thread that does `piece`, and gives what stands behind it to the service.
    /// - Returns: false when the piece is done.
    func abandon(_ piece: Piece) -> Bool {
        waitingThreads.add(1, ordering: .relaxed)
        guard take(piece) else {
            waitingThreads.subtract(1, ordering: .relaxed)
            return false
        }
        restEnd = MonotonicTime.now() + Self.rest
        while let work = queue.popFirst() { service.takeOver(work) }
        return true
    }

    /// Who gets `true` has the loop.
    private func take(_ piece: Piece) -> Bool {
        latest.compareExchange(expected: piece.rawValue, desired: piece.next.rawValue, ordering: .acquiringAndReleasing).exchanged
    }
}

extension EventLoop {
    /// - Returns: whether it will be done.
    func undertake(_ work: @escaping BriefWork) -> Bool { isCurrent && briefWork.append(work, at: now) }

    /// Does some of the brief work.
    /// - Returns: whether the loop is still this thread's.
    func doBriefWork() -> Bool {
        for _ in 0..<BriefWorkQueue.batch {
            guard let (work, piece) = briefWork.begin() else { break }
            thread.store(0, ordering: .relaxed)
            let finish = work()
            let isMine = briefWork.end(piece)
            if isMine { takeThread() }
            finish?()
            if !isMine { return false }
        }
        return true
    }

    // MARK: The watch's thread

    /// Whether the loop's thread runs, or would if it had a processor.
    var isThreadRunning: Bool { clinux_thread_is_running(threadNumber.load(ordering: .relaxed)) }

    /// Has another thread go on if this one still is in the middle of `piece`.
    func goOnElsewhere(_ piece: Piece) {
        _ = DetachedThread.start("rpc-loop") {
            if self.briefWork.abandon(piece) { self.run() }
        }
    }
}
