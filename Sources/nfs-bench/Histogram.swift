/// Counts of durations in nanoseconds, each within 1.6 per cent.
struct Histogram {
    private static let fine = 64
    private var counts = [UInt64](repeating: 0, count: fine * 59)
    private(set) var total: UInt64 = 0
    private(set) var maximum: UInt64 = 0

    mutating func add(_ value: UInt64) {
        counts[Self.index(value)] += 1
        total += 1
        maximum = max(maximum, value)
    }

    private static func index(_ value: UInt64) -> Int {
        guard value >= fine else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount - 6
        return exponent * fine + Int(value >> UInt64(exponent))
    }

    /// The middle of the values counted there.
    private static func value(_ index: Int) -> Double {
        guard index >= 2 * fine else { return Double(index) }
        let exponent = index / fine - 1
        return Double((index - exponent * fine) << exponent) + Double(1 << exponent) / 2
    }

    /// The duration that the given share of all durations does not exceed.
    func quantile(_ share: Double) -> Double {
        let wanted = UInt64(share * Double(total))
        var sum: UInt64 = 0
        for (index, count) in counts.enumerated() {
            sum += count
            if sum > wanted { return min(Self.value(index), Double(maximum)) }
        }
        return Double(maximum)
    }
}
