import Subprocess

/// A program of the system.
enum Tool {
    /// Runs it to its end.
    /// - Parameters:
    ///   - input: for its standard input.
    ///   - accepting: the codes that are not failures.
    /// - Returns: what it wrote to its standard output.
    @discardableResult
    static func run(
        _ name: String, _ arguments: [String], input: String = "", accepting codes: Set<Int32> = [0]
    ) async throws(ToolError) -> String {
        // Messages in a language the log is read in; the passphrase is nobody's business.
        let environment = Environment.inherit.updating(["LC_ALL": "C", "PASSPHRASE": nil])
        let result: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
        do {
            result = try await Subprocess.run(
                .name(name), arguments: Arguments(arguments), environment: environment, input: .string(input),
                output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        } catch {
            throw ToolError(name: name, code: nil, message: "\(error)")
        }
        let output = result.standardOutput
        if case .exited(let code) = result.terminationStatus, codes.contains(code) { return output }
        let said = [result.standardError, output].joined().split(separator: "\n").map(String.init).joined(separator: "; ")
        throw ToolError(name: name, code: result.terminationStatus.exitCode, message: said.isEmpty ? "\(result.terminationStatus)" : said)
    }
}

extension TerminationStatus {
    fileprivate var exitCode: Int32? { if case .exited(let code) = self { code } else { nil } }
}

/// A program that failed.
struct ToolError: Error, CustomStringConvertible {
    let name: String
    /// nil when it did not end by itself.
    let code: Int32?
    /// Its own words.
    let message: String

    var description: String { "\(name): \(message)" }
}
