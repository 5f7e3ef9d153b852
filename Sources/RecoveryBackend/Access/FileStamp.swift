import Foundation

/// What tells that a file is another or has other content; nil for one that is not there.
struct FileStamp: Equatable {
    private let device, inode, size, seconds, nanoseconds: Int

    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = Int(status.st_dev)
        inode = Int(status.st_ino)
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

/// The bytes of a file of the configuration. Throws ``RecoveryError/malformed(_:)``.
func contents(of path: String) throws(RecoveryError) -> [UInt8] {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    if descriptor >= 0, let data = try? FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).readToEnd() ?? Data() {
        return Array(data)
    }
    let reason = descriptor >= 0 ? "it is no file" : String(cString: strerror(errno))
    throw .malformed("\(path) cannot be read: \(reason): give a file this user may read")
}
