import DequeModule
import Glibc

/// Threads for work that may wait for a device. They are started as they are needed, up to a limit, and stay.
final class WorkerPool: @unchecked Sendable {
    // The queue and the counts are guarded by `lock`; the standard library has no condition variable to go with Mutex.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var queue = Deque<() -> Void>()
    private var idle = 0
    private var threads = 0
    private let limit: Int

    /// - Parameter limit: threads at most.
    init(limit: Int) {
        self.limit = limit
        pthread_mutex_init(lock, nil)
        pthread_cond_init(wake, nil)
    }

    /// Runs `work` on one of the threads, in the order of submission.
    func submit(_ work: @escaping () -> Void) {
        pthread_mutex_lock(lock)
        queue.append(work)
        let startsThread = idle < queue.count && threads < limit
        if startsThread { threads += 1 }
        pthread_cond_signal(wake)
        pthread_mutex_unlock(lock)
        if startsThread { startThread() }
    }

    private func startThread() {
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<WorkerPool>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        guard status == 0 else {
            // Out of threads: those there are go on.
            Unmanaged.passUnretained(self).release()
            pthread_mutex_lock(lock)
            threads -= 1
            pthread_mutex_unlock(lock)
            return
        }
        pthread_detach(thread)
    }

    private func run() {
        while true {
            pthread_mutex_lock(lock)
            idle += 1
            while queue.isEmpty { pthread_cond_wait(wake, lock) }
            idle -= 1
            let work = queue.removeFirst()
            pthread_mutex_unlock(lock)
            work()
        }
    }
}
