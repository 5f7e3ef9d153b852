import Foundation

/// Measurements of two servers taken in pairs.
struct Comparison {
    let workload: Workload
    private var pairs: [(first: Measurement, second: Measurement)] = []

    init(workload: Workload) { self.workload = workload }

    mutating func add(_ first: Measurement, _ second: Measurement) { pairs.append((first, second)) }

    static func header(_ first: String, _ second: String) -> String {
        let titles = [
            "workload", "\(first) ops/s", "\(second) ops/s", "ratio", "range of ratio", "p99 ratio", "\(first) CPU us/op",
            "\(second) CPU us/op",
        ]
        return "| \(titles.joined(separator: " | ")) |\n|\(titles.map { _ in "---|" }.joined())"
    }

    /// A row of the table in Markdown.
    var row: String {
        let ratios = pairs.map { $0.first.operationsPerSecond / $0.second.operationsPerSecond }.sorted()
        let cells = [
            workload.rawValue,
            Self.rate(Self.median(pairs.map(\.first.operationsPerSecond))), Self.rate(Self.median(pairs.map(\.second.operationsPerSecond))),
            Self.ratio(Self.median(ratios)), "\(Self.ratio(ratios[0])) – \(Self.ratio(ratios[ratios.count - 1]))",
            Self.ratio(Self.median(pairs.map { $0.first.p99 / $0.second.p99 })),
            Self.time(pairs.compactMap(\.first.serverTimePerOperation)), Self.time(pairs.compactMap(\.second.serverTimePerOperation)),
        ]
        return "| \(cells.joined(separator: " | ")) |"
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    private static func rate(_ value: Double) -> String {
        var digits = String(Int(value.rounded()))
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }

    private static func ratio(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.1f", value) }

    private static func time(_ values: [Double]) -> String {
        guard !values.isEmpty else { return "" }
        let value = median(values)
        return value >= 100 ? rate(value) : String(format: value >= 10 ? "%.1f" : "%.2f", value)
    }
}
