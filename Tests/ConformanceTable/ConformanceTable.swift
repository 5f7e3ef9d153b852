import ArgumentParser
import Foundation

@main
struct ConformanceTable: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance-table",
        abstract: "Holds what the tests saw against RFC 8881 §15.2, and writes or checks docs/CONFORMANCE.md.",
        discussion: "Fails if a status is neither seen nor explained, seen though it is explained away, or seen where the RFC has none.")

    @Argument(help: "The files that test runs wrote, named to them by REMUDA_CONFORMANCE_RECORD.")
    var records: [String]

    @Option(help: "The table.")
    var table: String

    @Flag(help: "Write the table; without it, check that it is true.")
    var write = false

    func run() throws {
        var record = CoverageRecord()
        for path in records { try record.add(String(contentsOfFile: path, encoding: .utf8)) }
        let rows = try ValidErrors.operations().map { Row(operation: $0, errors: $1, record) }
        let complaints = rows.flatMap(\.complaints)
        guard complaints.isEmpty else {
            throw ValidationError("the conformance tests leave something open:\n  " + complaints.joined(separator: "\n  "))
        }
        let document = Document(rows)
        if write {
            try document.text.write(toFile: table, atomically: true, encoding: .utf8)
            return
        }
        let differences = document.differences(from: try String(contentsOfFile: table, encoding: .utf8))
        guard differences.isEmpty else {
            throw ValidationError(
                "\(table) is not what the tests show any more: run scripts/conformance and commit it\n  "
                    + differences.joined(separator: "\n  "))
        }
    }
}
