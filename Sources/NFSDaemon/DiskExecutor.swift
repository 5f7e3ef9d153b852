import Dispatch

/// Runs an actor that waits for the disk where nobody else waits for it.
final class DiskExecutor: SerialExecutor {
    private let queue: DispatchQueue

    /// - Parameter label: names the thread's work to debuggers.
    init(label: String) { queue = DispatchQueue(label: label) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
