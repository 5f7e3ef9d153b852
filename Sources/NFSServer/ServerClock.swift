import Glibc

/// Where the server takes the time from: nanoseconds of a clock that never steps back. Tests set their own.
package struct ServerClock: Sendable {
    package let now: @Sendable () -> UInt64

    package init(now: @escaping @Sendable () -> UInt64) { self.now = now }

    /// CLOCK_MONOTONIC of the machine.
    package static let monotonic = ServerClock {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
