import Synchronization

/// Notes how compounds ended while it is the current one of a task.
package final class ReplyObserver: Sendable {
    @TaskLocal package static var current: ReplyObserver?

    private let seen = Mutex(Set<Outcome>())

    package init() {}

    /// The last result of each reply.
    package var outcomes: Set<Outcome> { seen.withLock { $0 } }

    func note(_ outcome: Outcome) { seen.withLock { _ = $0.insert(outcome) } }
}
