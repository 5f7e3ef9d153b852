import NFSTestClient

/// One operation in the table.
struct Row {
    enum Verdict {
        /// A test saw it: its file and name.
        case tested(String)
        case never(String)
    }

    let operation: String
    let verdicts: [(status: String, verdict: Verdict)]
    let complaints: [String]

    init(operation: ValidErrors.Name<OperationCode>, errors: [ValidErrors.Name<Status>], _ record: CoverageRecord) {
        self.operation = operation.name
        var verdicts: [(String, Verdict)] = []
        var complaints: [String] = []
        let offered = operation.value.isOffered
        let listed = (offered ? [ValidErrors.Name(name: "NFS4_OK", value: Status.ok)] : []) + errors
        for error in listed {
            let entry = record.entries[Outcome(operation.value, error.value)]
            if let tests = entry?.tests, let test = Self.telling(tests, of: error.name) {
                verdicts.append((error.name, .tested(test)))
                if let reason = entry?.never.min() {
                    complaints.append("\(operation.name) answers \(error.name) (\(test)), although: \(reason)")
                }
            } else if let reason = entry?.never.min() ?? Reasons.reason(operation.value, error.value) {
                verdicts.append((error.name, .never(reason)))
            } else {
                complaints.append("\(operation.name) \(error.name) is not tested, and no reason says why it cannot be")
            }
        }
        let others = record.entries.filter { entry in
            entry.key.operation == operation.value && !listed.contains { $0.value == entry.key.status }
        }
        for (outcome, entry) in others.sorted(by: { $0.key.status.rawValue < $1.key.status.rawValue }) {
            guard let test = entry.tests.min() else { continue }
            let name = String(describing: outcome.status)
            if let reason = entry.besides.min() {
                verdicts.append((name, .tested("\(test). Not in §15.2: \(reason)")))
            } else {
                complaints.append("\(operation.name) answers \(name) (\(test)), which §15.2 does not list")
            }
        }
        self.verdicts = verdicts
        self.complaints = complaints.sorted()
    }

    /// One of the tests that saw a status: one that has it in its name, if there is any.
    private static func telling(_ tests: Set<String>, of status: String) -> String? {
        tests.filter { $0.contains(status.trimmingPrefix("NFS4ERR_")) }.min() ?? tests.min()
    }
}
