/// Metrics in the text format of Prometheus, version 0.0.4.
package struct PrometheusText: Sendable {
    package private(set) var text = ""

    package init() {}

    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// One label of a sample.
    package typealias Label = (name: String, value: String)

    /// Begins a metric; its samples follow.
    /// - Parameter help: one sentence, without a line feed.
    package mutating func metric(_ name: String, _ kind: Kind, help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    package mutating func sample(_ name: String, _ value: some Numeric & CustomStringConvertible, _ labels: [Label] = []) {
        let list = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        text += "\(name)\(list.isEmpty ? "" : "{\(list)}") \(value)\n"
    }

    /// A metric of one sample.
    package mutating func single(_ name: String, _ kind: Kind, help: String, _ value: some Numeric & CustomStringConvertible) {
        metric(name, kind, help: help)
        sample(name, value)
    }

    /// The samples of a histogram.
    /// - Parameters:
    ///   - bounds: the largest value of each bucket but the last, which has none.
    ///   - counts: how many values are in each bucket alone.
    package mutating func histogram(_ name: String, bounds: [Double], counts: [UInt64], sum: Double, _ labels: [Label] = []) {
        var total: UInt64 = 0
        for (index, count) in counts.enumerated() {
            total += count
            sample("\(name)_bucket", total, labels + [("le", index < bounds.count ? "\(bounds[index])" : "+Inf")])
        }
        sample("\(name)_sum", sum, labels)
        sample("\(name)_count", total, labels)
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
