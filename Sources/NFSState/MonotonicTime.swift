/// A moment on a clock that never steps, in nanoseconds from an arbitrary start.
///
/// The tables never read a clock: whoever calls them says what time it is.
@frozen @usableFromInline package struct MonotonicTime: Comparable, Hashable, Sendable {
    @usableFromInline package var nanoseconds: UInt64

    @inlinable package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    @inlinable package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The time from `earlier` to this moment; zero when `earlier` is not earlier.
    @inlinable package func since(_ earlier: MonotonicTime) -> Duration {
        guard earlier < self else { return .zero }
        return .nanoseconds(Int64(clamping: nanoseconds &- earlier.nanoseconds))
    }

    package static func + (moment: MonotonicTime, duration: Duration) -> MonotonicTime {
        let (seconds, attoseconds) = duration.components
        let (product, overflow) = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return MonotonicTime(nanoseconds: .max) }
        let (sum, overflows) = moment.nanoseconds.addingReportingOverflow(product)
        guard !overflows else { return MonotonicTime(nanoseconds: .max) }
        let (whole, overflowsToo) = sum.addingReportingOverflow(UInt64(clamping: attoseconds / 1_000_000_000))
        return MonotonicTime(nanoseconds: overflowsToo ? .max : whole)
    }
}
