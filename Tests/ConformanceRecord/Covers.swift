import Glibc
import NFSTestClient
import Testing

extension Trait where Self == Covers {
    /// For the suite that tests an operation in all its ways.
    ///
    /// What the tests see the operation answer is put on record, if `REMUDA_CONFORMANCE_RECORD` names a file for it, and
    /// `conformance-table` makes docs/CONFORMANCE.md of that.
    /// - Parameters:
    ///   - never: statuses RFC 8881 §15.2 lists for the operation, and why this server never answers them.
    ///   - besides: statuses it does not list, and why this server answers them all the same.
    package static func covers(_ operations: OperationCode..., never: [Status: String] = [:], besides: [Status: String] = [:]) -> Covers {
        Covers(operations: operations, never: never, besides: besides)
    }

    /// For a suite that tests the same with every operation.
    package static var coversEveryOperation: Covers { Covers(operations: OperationCode.allCases, never: [:], besides: [:]) }
}

package struct Covers: SuiteTrait, TestTrait, TestScoping {
    let operations: [OperationCode]
    let never: [Status: String]
    let besides: [Status: String]

    package var isRecursive: Bool { true }

    package func scopeProvider(for test: Test, testCase: Test.Case?) -> Covers? {
        testCase != nil && CoverageRecord.path != nil ? self : nil
    }

    package func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        let observer = ReplyObserver()
        try await ReplyObserver.$current.withValue(observer) { try await function() }
        let file = test.sourceLocation.fileName
        let seen = observer.outcomes.filter { operations.contains($0.operation) }
        var lines = seen.map { CoverageRecord.line("seen", $0.operation, $0.status, "\(file): \(test.displayName ?? test.name)") }
        for operation in operations {
            lines += never.map { CoverageRecord.line("never", operation, $0, $1) }
            lines += besides.map { CoverageRecord.line("besides", operation, $0, $1) }
        }
        try CoverageRecord.append(lines.joined())
    }
}

/// A file of lines, each a kind, the numbers of operation and status, and words, with tabs between them.
private enum CoverageRecord {
    static let path = getenv("REMUDA_CONFORMANCE_RECORD").map { String(cString: $0) }

    static func line(_ kind: String, _ operation: OperationCode, _ status: Status, _ words: String) -> String {
        "\(kind)\t\(operation.rawValue)\t\(status.rawValue)\t\(words)\n"
    }

    /// Many tests append at the same time; one write does not mix with another.
    static func append(_ lines: String) throws {
        guard let path else { return }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw RecordError(path: path, code: errno) }
        defer { close(descriptor) }
        var lines = lines
        let written = lines.withUTF8 { write(descriptor, $0.baseAddress, $0.count) }
        guard written == lines.utf8.count else { throw RecordError(path: path, code: errno) }
    }
}

private struct RecordError: Error, CustomStringConvertible {
    let path: String
    let code: Int32
    var description: String { "cannot write to \(path): \(String(cString: strerror(code)))" }
}
