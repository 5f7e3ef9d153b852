import NFSTestClient

/// What is on record of one operation and one status.
struct Coverage {
    /// The tests that saw it, as `file: name`.
    var tests: Set<String> = []
    var never: Set<String> = []
    var besides: Set<String> = []
}

/// The records of test runs, put together.
struct CoverageRecord {
    private(set) var entries: [Outcome: Coverage] = [:]

    /// - Parameter text: lines as the tests write them.
    mutating func add(_ text: String) throws {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "\t", maxSplits: 3)
            guard fields.count == 4, let operation = UInt32(fields[1]).flatMap(OperationCode.init(rawValue:)),
                let status = UInt32(fields[2]).flatMap(Status.init(rawValue:))
            else { throw BadRecord(line: String(line)) }
            let words = String(fields[3])
            let outcome = Outcome(operation, status)
            switch fields[0] {
            case "seen": entries[outcome, default: Coverage()].tests.insert(words)
            case "never": entries[outcome, default: Coverage()].never.insert(words)
            case "besides": entries[outcome, default: Coverage()].besides.insert(words)
            default: throw BadRecord(line: String(line))
            }
        }
    }
}

struct BadRecord: Error, CustomStringConvertible {
    let line: String
    var description: String { "not a line of a conformance record: \(line)" }
}
