import DequeModule
import Glibc
import RPC
import Threads

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

    private let mutex = ConditionMutex()
    private let wake: Condition
    private let watch: Condition
    private let threads: Int
    // All below is guarded by `mutex`.
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
        wake = Condition(mutex)
        watch = Condition(mutex)
        for _ in 0..<self.threads { WorkerPool.startThread("nfs-brief") { self.run() } }
        WorkerPool.startThread("nfs-watch") { self.watchOver() }
    }

    func submit(_ work: @escaping BriefWork) {
        mutex.withLock {
            queue.append(work)
            if queue.count > Self.batch * awake { summon(1) }
            if !isWatched {
                isWatched = true
                watch.signal()
            }
        }
    }

    /// Pieces of work that wait for a thread.
    var queued: Int { mutex.withLock { queue.count } }

    private func summon(_ count: Int) {
        for _ in 0..<min(count, threads - awake) {
            awake += 1
            summoned += 1
            wake.signal()
        }
    }

    private func run() {
        mutex.lock()
        while true {
            while summoned == 0 { wake.wait() }
            summoned -= 1
            repeat {
                while let work = queue.popFirst() {
                    begun += 1
                    mutex.unlock()
                    let finish = work()
                    mutex.lock()
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
        mutex.unlock()
        for finish in done { finish() }
        mutex.lock()
    }

    private func watchOver() {
        var quietLooks = 0
        mutex.lock()
        while true {
            while !isWatched { watch.wait() }
            let before = begun
            mutex.unlock()
            usleep(Self.watchInterval)
            mutex.lock()
            quietLooks = begun == before && awake == 0 ? quietLooks + 1 : 0
            isWatched = quietLooks < Self.lastLooks
            if begun == before, awake > 0 {
                summon(min(queue.count, awake))
                finishAll()
            }
        }
    }
}
