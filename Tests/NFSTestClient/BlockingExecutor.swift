import Dispatch

/// Runs an actor whose calls block on a thread of its own, so that the threads all tests share stay free.
final class BlockingExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "BlockingExecutor")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
