import Foundation

/// What went wrong, and what was expected.
struct TestFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Looks every few milliseconds whether `condition` holds, and returns how long that took.
///
/// The things waited for here happen in other processes and other kernels, which can only be observed from outside.
@discardableResult
func eventually(
    _ what: @autoclosure () -> String, within limit: Duration, condition: () async throws -> Bool
) async throws -> Duration {
    let start = ContinuousClock.now
    while try await !condition() {
        guard start.duration(to: .now) < limit else { throw TestFailure("not within \(limit): \(what())") }
        try await Task.sleep(for: .milliseconds(10))
    }
    return start.duration(to: .now)
}

/// Succeeds when one of three attempts is quick enough: what else a machine does can only make slower what is measured.
/// - Parameter attempt: returns what took too long. What else goes wrong in it fails the first time.
func quickly(_ attempt: () async throws -> [String]) async throws {
    var late: [String] = []
    for _ in 1...3 {
        late = try await attempt()
        guard !late.isEmpty else { return }
        print("too slow: \(late.joined(separator: ", "))")
    }
    throw TestFailure("too slow three times, at last: \(late.joined(separator: ", "))")
}
