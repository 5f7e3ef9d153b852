/// How often something took how long, in buckets whose bounds double.
package struct DurationHistogram: Sendable {
    /// Those with a bound, and one for what is longer.
    static var bucketCount: Int { 24 }
    /// Where the sum of all times stands behind the buckets, and the words both take together.
    static var sum: Int { bucketCount }
    static var size: Int { 32 }

    /// How many there are in each bucket, not counting those in the buckets before.
    package let buckets: [UInt64]
    /// All times together.
    package let nanoseconds: UInt64

    package init(buckets: [UInt64], nanoseconds: UInt64) {
        self.buckets = buckets
        self.nanoseconds = nanoseconds
    }

    package var count: UInt64 { buckets.reduce(0, &+) }

    /// The longest time of each bucket in nanoseconds; the last has none.
    package static let bounds = (0..<bucketCount - 1).map { UInt64(4096) << UInt64($0) }

    package static func bucket(of nanoseconds: UInt64) -> Int {
        let bits = UInt64.bitWidth - (max(nanoseconds, 1) - 1).leadingZeroBitCount
        return min(max(bits - 12, 0), bucketCount - 1)
    }
}
