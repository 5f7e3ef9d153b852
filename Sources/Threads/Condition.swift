import Glibc

/// A mutex to go with conditions, which the standard library's has none of.
package final class ConditionMutex: @unchecked Sendable {
    fileprivate let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    package init() { pthread_mutex_init(mutex, nil) }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    package func lock() { pthread_mutex_lock(mutex) }
    package func unlock() { pthread_mutex_unlock(mutex) }

    package func withLock<Result>(_ body: () -> Result) -> Result {
        lock()
        defer { unlock() }
        return body()
    }
}

/// What threads wait for until others signal it. What it is about is guarded by its mutex.
package final class Condition: @unchecked Sendable {
    private let mutex: ConditionMutex
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init(_ mutex: ConditionMutex) {
        self.mutex = mutex
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    /// Returns when it was signalled, and sometimes without. The caller has locked the mutex, and has it again then.
    package func wait() { pthread_cond_wait(condition, mutex.mutex) }

    /// Wakes one that waits.
    package func signal() { pthread_cond_signal(condition) }

    /// Wakes all that wait.
    package func broadcast() { pthread_cond_broadcast(condition) }
}
