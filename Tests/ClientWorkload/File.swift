import Glibc

/// An open file that closes itself. All positions and lengths are in bytes.
struct File: ~Copyable {
    let path: String
    private(set) var descriptor: Int32

    init(_ path: String, _ flags: Int32, mode: mode_t = 0o644) throws {
        self.path = path
        descriptor = try check(open(path, flags, mode), "open \(path)")
    }

    /// NFS reports a write that failed late at close, so a failing close is never passed over.
    deinit {
        guard descriptor >= 0, close(descriptor) != 0 else { return }
        let message = "\(Failure(call: "close \(path)"))\n"
        _ = Glibc.write(STDERR_FILENO, message, message.utf8.count)
        exit(EXIT_FAILURE)
    }

    mutating func reopen() throws {
        let old = descriptor
        descriptor = -1
        try check(close(old), "close \(path)")
        descriptor = try check(open(path, O_RDWR), "open \(path)")
    }

    func write(_ bytes: [UInt8], at position: Int) throws {
        try bytes.withUnsafeBytes { try write($0, at: position) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try check(pwrite(descriptor, rest.baseAddress, rest.count, off_t(position + done)), "pwrite \(path)")
        }
    }

    /// The bytes from `position` on; fewer than `count` only at the end of the file.
    func read(_ count: Int, at position: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            while done < count {
                let got = try check(
                    pread(descriptor, buffer.baseAddress! + done, count - done, off_t(position + done)), "pread \(path)")
                if got == 0 { return }
                done += got
            }
        }
    }

    func size() throws -> Int {
        var status = stat()
        try check(fstat(descriptor, &status), "fstat \(path)")
        return Int(status.st_size)
    }

    func sync() throws {
        try check(fsync(descriptor), "fsync \(path)")
    }

    func truncate(to size: Int) throws {
        try check(ftruncate(descriptor, off_t(size)), "ftruncate \(path) to \(size)")
    }
}

/// Whether something has that name; asks the file system each time.
func exists(_ path: String) -> Bool {
    access(path, F_OK) == 0
}

/// Writes every dirty page of the client back and makes it forget pages, names and attributes, so that the server is asked.
func emptyClientCaches() throws {
    sync()
    try File("/proc/sys/vm/drop_caches", O_WRONLY).write(Array("3".utf8), at: 0)
}
