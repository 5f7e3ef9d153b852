import Glibc

/// Files that are read whole.
enum RegularFile {
    /// Why a file cannot be read.
    struct Failure: Error {
        let reason: String
    }

    static func content(of path: String, atMost limit: Int) throws(Failure) -> [UInt8] {
        // Not to wait for the other end should it be a FIFO.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Failure(reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(reason: "must be a regular file")
        }
        let excess = Failure(reason: "must have no more than \(ByteCount.text(of: limit))")
        guard status.st_size <= limit else { throw excess }
        var failure: Int32 = 0
        let content = [UInt8](unsafeUninitializedCapacity: limit + 1) { buffer, count in
            while count <= limit {
                let received = Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
                if received < 0 { failure = errno }
                guard received > 0 else { return }
                count += received
            }
        }
        guard failure == 0 else { throw Failure(reason: String(cString: strerror(failure))) }
        guard content.count <= limit else { throw excess }
        return content
    }

    static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The directory a path leads through, with its last slash; empty for a name alone.
    static func directory(of path: String) -> String { path.lastIndex(of: "/").map { String(path[...$0]) } ?? "" }

    /// The names in a directory but for hidden ones, sorted.
    static func names(in directory: String) -> [String]? {
        guard let listing = opendir(directory) else { return nil }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
