import DequeModule
import Glibc
import RPC

/// Threads for work that may have to wait for a device but seldom does, such as a write to the page cache or a listing.
///
/// To wake a thread, and to wake the loop a reply leaves from, costs more than such work itself. So one thread does what comes as
/// long as there is something, and what is left to do of each piece, the sending, is done for several at once. Should a piece wait
/// after all, that is seen within two milliseconds: what is done is sent, and another thread goes on with those behind it, twice as
/// many should they wait too.
final class BriefWorkers: @unchecked Sendable {
    /// Pieces finished at once at most, and pieces waiting for a thread above which another one helps.
    private static let batch = 16
    /// How often, in microseconds, it is looked whether the work goes on.
    private static let watchInterval: UInt32 = 1000
    /// Looks that find no work after which there are none until work comes.
    private static let lastLooks = 20

    // Everything below is guarded by `lock`; the standard library has no condition variable to go with Mutex.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let watch = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let threads: Int
    private var queue = Deque<BriefWork>()
    private var finished: [() -> Void] = []
    /// Threads that work or were woken to, and those of them that have not noticed yet.
    private var awake = 0
    private var summoned = 0
    /// Pieces begun so far.
    private var begun = 0
    private var isWatched = false

    init(threads: Int) {
        self.threads = max(1, threads)
        pthread_mutex_init(lock, nil)
        pthread_cond_init(wake, nil)
        pthread_cond_init(watch, nil)
        for _ in 0..<self.threads { WorkerPool.startThread("nfs-brief") { self.run() } }
        WorkerPool.startThread("nfs-watch") { self.watchOver() }
    }

    func submit(_ work: @escaping BriefWork) {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        queue.append(work)
        if queue.count > Self.batch * awake { summon(1) }
        if !isWatched {
            isWatched = true
            pthread_cond_signal(watch)
        }
    }

    private func summon(_ count: Int) {
        for _ in 0..<min(count, threads - awake) {
            awake += 1
            summoned += 1
            pthread_cond_signal(wake)
        }
    }

    private func run() {
        pthread_mutex_lock(lock)
        while true {
            while summoned == 0 { pthread_cond_wait(wake, lock) }
            summoned -= 1
            repeat {
                while let work = queue.popFirst() {
                    begun += 1
                    pthread_mutex_unlock(lock)
                    let finish = work()
                    pthread_mutex_lock(lock)
                    if let finish { finished.append(finish) }
                    if finished.count >= Self.batch { finishAll() }
                }
                finishAll()
            } while !queue.isEmpty
            awake -= 1
        }
    }

    /// Finishes what is done, without the lock.
    private func finishAll() {
        guard !finished.isEmpty else { return }
        var done: [() -> Void] = []
        swap(&done, &finished)
        pthread_mutex_unlock(lock)
        for finish in done { finish() }
        pthread_mutex_lock(lock)
    }

    private func watchOver() {
        var quietLooks = 0
        pthread_mutex_lock(lock)
        while true {
            while !isWatched { pthread_cond_wait(watch, lock) }
            let before = begun
            pthread_mutex_unlock(lock)
            usleep(Self.watchInterval)
            pthread_mutex_lock(lock)
            quietLooks = begun == before && awake == 0 ? quietLooks + 1 : 0
            isWatched = quietLooks < Self.lastLooks
            if begun == before, awake > 0 {
                summon(min(queue.count, awake))
                finishAll()
            }
        }
    }
}
