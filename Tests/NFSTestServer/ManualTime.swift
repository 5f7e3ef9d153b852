import NFSServer
import Synchronization

/// Time that passes when a test says so.
package final class ManualTime: Sendable {
    private let nanoseconds = Atomic<UInt64>(1_000_000_000)

    package init() {}

    package func advance(by duration: Duration) {
        nanoseconds.wrappingAdd(UInt64(duration / .nanoseconds(1)), ordering: .acquiringAndReleasing)
    }

    package var clock: ServerClock { ServerClock { self.nanoseconds.load(ordering: .acquiring) } }
}
