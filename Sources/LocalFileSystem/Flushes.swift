import NFSProtocol
import Synchronization
import Threads

/// Brings files to stable storage, once for all threads that ask at about the same time.
///
/// A flush counts for those alone who asked before it began: what they changed was in the page cache by then, so it finds it. Who
/// asks while one is under way shares the next, which begins when that is over. So there is never more than one of a file, and an
/// error, which the kernel tells once, is told to all whom that one was for.
package final class Flushes: Sendable {
    private struct Turns {
        /// Under way, or over and about to be followed by `next`.
        var current: Flush
        var next: Flush?
    }

    private let turns = Mutex<[FileHandle: Turns]>([:])

    package init() {}

    /// Returns when `file` was flushed by `flush`, or what others gave for it, from beginning to end after the call. Waits.
    /// - Throws: what that failed with.
    package func flush(_ file: FileHandle, _ flush: () throws(NFSStatus) -> Void) throws(NFSStatus) {
        let (shared, former, isOwn) = turns.withLock { turns -> (Flush, Flush?, Bool) in
            let new = Flush()
            guard let present = turns[file] else {
                turns[file] = Turns(current: new)
                return (new, nil, true)
            }
            if let next = present.next { return (next, nil, false) }
            turns[file]?.next = new
            return (new, present.current, true)
        }
        guard isOwn else { return try shared.outcome().get() }
        if let former {
            _ = former.outcome()
            turns.withLock { $0[file] = Turns(current: shared) }
        }
        let outcome = Result { () throws(NFSStatus) in try flush() }
        turns.withLock { turns in
            if turns[file]?.next == nil { turns[file] = nil }
        }
        shared.end(with: outcome)
        try outcome.get()
    }
}

/// One flush, and those who wait for it.
private final class Flush: @unchecked Sendable {
    /// Guarded by `mutex`.
    private var result: Result<Void, NFSStatus>?
    private let mutex = ConditionMutex()
    private let isOver: Condition

    init() {
        isOver = Condition(mutex)
    }

    func outcome() -> Result<Void, NFSStatus> {
        mutex.withLock {
            while true {
                if let result { return result }
                isOver.wait()
            }
        }
    }

    func end(with result: Result<Void, NFSStatus>) {
        mutex.withLock {
            self.result = result
            isOver.broadcast()
        }
    }
}
