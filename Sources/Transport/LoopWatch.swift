import Glibc
import Synchronization
import Threads

/// A thread that sees to it that a loop goes on when the thread it runs on waits.
///
/// It looks only as long as loops do work that might wait, and without stopping them for it.
final class LoopWatch: @unchecked Sendable {
    /// How often, in microseconds, it looks.
    private static let interval: UInt32 = 1000
    /// Looks that find nothing begun after which there are none until something is.
    private static let lastLooks = 20
    /// Looks after which a piece of work takes too long even if it does not wait.
    private static let longestPiece = 10

    private let loops: [EventLoop]
    private let isLooking = Atomic<Bool>(false)
    /// Guards `isOver`, and changes of `isLooking` to true.
    private let mutex = ConditionMutex()
    private let wake: Condition
    private var isOver = false

    init(_ loops: [EventLoop]) {
        self.loops = loops
        wake = Condition(mutex)
    }

    /// A loop, on its thread, has begun a piece of work.
    func look() {
        guard !isLooking.load(ordering: .sequentiallyConsistent) else { return }
        mutex.withLock {
            isLooking.store(true, ordering: .relaxed)
            wake.signal()
        }
    }

    func end() {
        mutex.withLock {
            isOver = true
            wake.signal()
        }
    }

    func start() throws(TransportError) { try TransportError.requireThread(DetachedThread.start("rpc-watch") { self.run() }) }

    /// Looks until `end`.
    private func run() {
        var seen = loops.map { (piece: $0.briefWork.latestPiece, looks: 0) }
        var quietLooks = 0
        while waitForWork() {
            usleep(Self.interval)
            quietLooks += 1
            for index in loops.indices {
                let piece = loops[index].briefWork.latestPiece
                guard piece == seen[index].piece else {
                    seen[index] = (piece, 0)
                    quietLooks = 0
                    continue
                }
                guard piece.isUnderWay else { continue }
                quietLooks = 0
                seen[index].looks += 1
                guard seen[index].looks >= Self.longestPiece || !loops[index].isThreadRunning else { continue }
                // Without a thread for it the loop waits, and the next look tries again.
                loops[index].goOnElsewhere(piece)
            }
            if quietLooks >= Self.lastLooks {
                isLooking.store(false, ordering: .sequentiallyConsistent)
                // Whoever began one before that has not woken anybody.
                if zip(loops, seen).contains(where: { $0.briefWork.latestPiece != $1.piece }) { isLooking.store(true, ordering: .relaxed) }
            }
        }
    }

    /// - Returns: false when it is over.
    private func waitForWork() -> Bool {
        mutex.withLock {
            while !isOver, !isLooking.load(ordering: .relaxed) { wake.wait() }
            return !isOver
        }
    }
}
