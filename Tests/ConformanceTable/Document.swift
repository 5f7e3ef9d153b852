/// docs/CONFORMANCE.md.
struct Document {
    let text: String

    init(_ rows: [Row]) {
        let tested = rows.flatMap(\.verdicts).count { if case .tested = $0.verdict { true } else { false } }
        var lines = [
            "# Conformance", "",
            "Each operation of NFSv4.1 with the statuses RFC 8881 §15.2 lists for it: the test that sees this server answer it, or the",
            "reason why it never does. Made by `scripts/conformance` from a run of the tests, and checked by `scripts/test`; do not edit.",
            "", "\(tested) of \(rows.reduce(0) { $0 + $1.verdicts.count }) pairs are tested, the others are explained.", "",
        ]
        for row in rows {
            lines += ["## \(row.operation)", "", "| status | | test or reason |", "|---|---|---|"]
            for (status, verdict) in row.verdicts {
                switch verdict {
                case .tested(let test): lines.append("| \(status) | tested | \(Self.cell(test)) |")
                case .never(let reason): lines.append("| \(status) | never | \(Self.cell(reason)) |")
                }
            }
            lines.append("")
        }
        text = lines.dropLast().joined(separator: "\n") + "\n"
    }

    private static func cell(_ words: String) -> String { words.replacing("|", with: "\\|") }

    /// The lines that stand here or in `text` alone. Which of several tests is named does not matter.
    func differences(from text: String) -> [String] {
        let changes = Self.skeleton(self.text).difference(from: Self.skeleton(text))
        return changes.map { change in
            switch change {
            case .remove(let offset, let line, _): "no more, line \(offset + 1): \(line)"
            case .insert(let offset, let line, _): "new, line \(offset + 1): \(line)"
            }
        }
    }

    private static func skeleton(_ text: String) -> [Substring] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard let mark = line.firstRange(of: "| tested |") else { return line }
            return line[..<mark.upperBound]
        }
    }
}
