/// Everything that is wrong with a configuration, each problem one line that says where it is and what to do.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// One line for each problem; never empty.
    package let problems: [String]

    package init(_ problem: String) {
        problems = [problem]
    }

    package init(problems: [String]) {
        self.problems = problems
    }

    package var description: String {
        problems.joined(separator: "\n")
    }
}

/// Collects problems, so that a reader sees all of them at once and not one for each attempt.
struct ConfigurationProblems {
    private(set) var lines: [String] = []

    mutating func add(_ line: String) {
        lines.append(line)
    }

    /// The value of `body`, or nil when it failed and its problems were kept.
    mutating func attempt<Value>(_ body: () throws(ConfigurationError) -> Value) -> Value? {
        do throws(ConfigurationError) {
            return try body()
        } catch {
            lines += error.problems
            return nil
        }
    }

    func throwIfAny() throws(ConfigurationError) {
        guard lines.isEmpty else { throw ConfigurationError(problems: lines) }
    }
}
