import Foundation
import Synchronization

/// The bearer tokens in a file, one on each line, read again when the file changes. With two lines a token can be replaced
/// without a moment at which somebody is refused.
package final class TokenFile: Sendable {
    private struct State {
        var stamp: FileStamp?
        var tokens: [String] = []
    }

    private let path: String
    private let state = Mutex(State())

    /// Throws ``RecoveryError/malformed(_:)`` unless there is at least one token now.
    package init(path: String) throws(RecoveryError) {
        self.path = path
        guard tokens.isEmpty else { return }
        _ = try contents(of: path)
        throw .malformed("\(path) is to hold a bearer token: one line of printable characters")
    }

    /// The token to present; nil while the file has none.
    var first: String? { tokens.first }

    /// Whether the token is one of the file's. How long the answer takes does not depend on where a wrong one differs.
    func accepts(_ token: some StringProtocol) -> Bool {
        let presented = Array(token.utf8)
        return tokens.reduce(false) { accepted, token in Self.areEqual(presented, Array(token.utf8)) || accepted }
    }

    /// None while the file cannot be read: nobody is let in then.
    private var tokens: [String] {
        state.withLock { state in
            let stamp = FileStamp(path: path)
            if stamp == nil || stamp != state.stamp {
                let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
                let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
                state.tokens = lines.filter { !$0.isEmpty && $0.utf8.allSatisfy { $0.isPrintable } }
                state.stamp = stamp
            }
            return state.tokens
        }
    }

    private static func areEqual(_ presented: [UInt8], _ expected: [UInt8]) -> Bool {
        var difference = presented.count ^ expected.count
        for index in presented.indices { difference |= Int(presented[index] ^ expected[index % expected.count]) }
        return difference == 0
    }
}
