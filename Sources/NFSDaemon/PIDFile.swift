import Glibc
import Logging

/// A file that has the number of the process while it serves: probes and scripts look for it.
package struct PIDFile: Sendable {
    private let path: String

    /// Removes what a predecessor that was killed left.
    /// - Throws: when the file could not be written later.
    package init(_ path: String) throws {
        self.path = path
        unlink(path)
        let directory = RegularFile.directory(of: path)
        guard access(directory.isEmpty ? "." : directory, W_OK | X_OK) == 0 else {
            throw DaemonError("cannot write the process's number to \(path): \(String(cString: strerror(errno))): name another file")
        }
    }

    /// - Parameter log: is told when it cannot be written.
    package func write(_ log: Logger) {
        // Whoever sees the file sees all of it.
        let made = "\(path).\(getpid())"
        let file = fopen(made, "we")
        if let file {
            fputs("\(getpid())\n", file)
            fclose(file)
        }
        guard file != nil, rename(made, path) == 0 else {
            return log.error(
                "cannot write the process's number", metadata: ["file": "\(path)", "error": "\(String(cString: strerror(errno)))"])
        }
    }

    package func remove() { unlink(path) }
}
