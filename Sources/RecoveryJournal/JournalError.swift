import Glibc

/// Why the journal cannot be used; one line that says what to do.
package struct JournalError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    /// The system call that did `purpose` failed with `code`.
    init(_ purpose: String, _ path: String, code: Int32 = errno) {
        description = "the journal of client records: cannot \(purpose) \(path): \(String(cString: strerror(code)))"
    }
}
