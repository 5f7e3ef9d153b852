import Glibc

/// A system call that failed, or an outcome that is not the one a file system owes its user.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    /// The system call `call` failed with the present `errno`.
    init(call: String) {
        let code = errno
        description = "\(call): \(String(cString: strerror(code))) (errno \(code))"
    }
}

/// The result of a system call that returns a negative number when it fails.
@discardableResult
func check<Result: SignedInteger>(_ result: Result, _ call: @autoclosure () -> String) throws -> Result {
    guard result >= 0 else { throw Failure(call: call()) }
    return result
}
