import Foundation

/// Directories that are still there after a power failure.
enum Directory {
    /// Creates the missing directories on the way to the file at `path`, open to this user only. Each directory that
    /// gets a new entry is synchronised, because a file that is safe in a directory that is not is lost with it.
    static func create(enclosing path: String) throws {
        let parent = URL(filePath: path).standardizedFileURL.deletingLastPathComponent()
        var missing: [URL] = []
        var directory = parent
        while directory.path != "/", !FileManager.default.fileExists(atPath: directory.path) {
            missing.append(directory)
            directory.deleteLastPathComponent()
        }
        for directory in missing.reversed() {
            guard mkdir(directory.path, 0o700) == 0 || errno == EEXIST else { throw failure() }
            try synchronise(directory.deletingLastPathComponent())
        }
    }

    private static func synchronise(_ directory: URL) throws {
        let descriptor = Glibc.open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure() }
    }

    private static func failure() -> RecoveryError {
        .unavailable(String(cString: strerror(errno)))
    }
}
