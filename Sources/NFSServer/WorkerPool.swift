import DequeModule
import Glibc
import Threads

/// Threads for work that may wait for a device. All are started at once, by the server itself: a thread inherits the
/// identity of the one that starts it, which later may be a caller's.
final class WorkerPool: @unchecked Sendable {
    // The queue is guarded by `lock`; the standard library has no condition variable to go with Mutex.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var queue = Deque<() -> Void>()

    init(threads: Int) {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(wake, nil)
        for _ in 0..<max(1, threads) { Self.startThread("nfs-worker") { self.run() } }
    }

    /// Runs `work` on one of the threads, in the order of submission.
    func submit(_ work: @escaping () -> Void) {
        pthread_mutex_lock(lock)
        queue.append(work)
        pthread_cond_signal(wake)
        pthread_mutex_unlock(lock)
    }

    /// Pieces of work that wait for a thread.
    var queued: Int {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return queue.count
    }

    /// Starts a thread that lives as long as the process, and with it what `body` uses.
    /// - Parameter name: as tools show it, at most 15 bytes.
    static func startThread(_ name: String, _ body: @escaping () -> Void) {
        let status = DetachedThread.start(name, body)
        precondition(status == 0, "the system has no thread left for a worker: raise the limit of threads or lower --workers")
    }

    private func run() {
        while true {
            pthread_mutex_lock(lock)
            while queue.isEmpty { pthread_cond_wait(wake, lock) }
            let work = queue.removeFirst()
            pthread_mutex_unlock(lock)
            work()
        }
    }
}
