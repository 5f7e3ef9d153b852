import DequeModule
import Threads

/// Threads for work that may wait for a device. All are started at once, by the server itself: a thread inherits the
/// identity of the one that starts it, which later may be a caller's.
final class WorkerPool: @unchecked Sendable {
    private let mutex = ConditionMutex()
    private let wake: Condition
    /// Guarded by `mutex`.
    private var queue = Deque<() -> Void>()

    init(threads: Int) {
        wake = Condition(mutex)
        for _ in 0..<max(1, threads) { Self.startThread("nfs-worker") { self.run() } }
    }

    /// Runs `work` on one of the threads, in the order of submission.
    func submit(_ work: @escaping () -> Void) {
        mutex.withLock {
            queue.append(work)
            wake.signal()
        }
    }

    /// The same for work that itself runs on one of the threads and ends now, so that no other has to be woken.
    func submitNext(_ work: @escaping () -> Void) { mutex.withLock { queue.append(work) } }

    /// Pieces of work that wait for a thread.
    var queued: Int { mutex.withLock { queue.count } }

    /// Starts a thread that lives as long as the process, and with it what `body` uses.
    /// - Parameter name: as tools show it, at most 15 bytes.
    static func startThread(_ name: String, _ body: @escaping () -> Void) {
        let status = DetachedThread.start(name, body)
        precondition(status == 0, "the system has no thread left for a worker: raise the limit of threads or lower --workers")
    }

    private func run() {
        while true {
            let work = mutex.withLock {
                while queue.isEmpty { wake.wait() }
                return queue.removeFirst()
            }
            work()
        }
    }
}
