import CLinux
import FileSystem
import Glibc
import NFSProtocol
import Synchronization

/// Files of the server's own on the file systems it exports. Clients can neither see nor reach them, by name or by handle.
///
/// They lie in a directory `.remuda` in an exported directory, a name clients cannot use there. Several exports may lie on one
/// file system, so all of them share one object.
package final class HiddenFiles: Sendable {
    /// The name that is the server's in each exported directory.
    package static let directoryName = ".remuda"

    private let handles = Mutex<Set<FileHandle>>([])

    package init() {}

    /// Hides the file that `open` opens or makes. Nobody who finds it by its handle gets further before it is hidden.
    package func hiding(_ open: () -> Int32) -> Int32 {
        handles.withLock { handles in
            let descriptor = open()
            guard descriptor >= 0 else { return descriptor }
            let code = errno
            if let handle = Self.handle(of: descriptor) { handles.insert(handle) }
            errno = code
            return descriptor
        }
    }

    /// Hides the server's directory in an exported directory, and what is in it, if an earlier instance made one.
    package func hide(in exported: String) {
        let path = "\(exported)/\(Self.directoryName)"
        let directory = hiding { open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        guard directory >= 0, let stream = fdopendir(directory) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let file = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    // Not the exported directory above.
                    strcmp(name, "..") == 0 ? -1 : hiding { openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
                }
            }
            if file >= 0 { close(file) }
        }
    }

    static func isDirectoryName(_ name: FileName) -> Bool {
        name.count == directoryName.utf8.count && name.withBytes { name in name.withUnsafeBytes { $0.elementsEqual(directoryName.utf8) } }
    }

    func contains(_ handle: FileHandle) -> Bool { handles.withLock { $0.contains(handle) } }

    /// - Returns: nil when the file system makes no handles, so that it cannot be exported either.
    private static func handle(of descriptor: Int32) -> FileHandle? {
        var capacity = linux_capacity()
        guard linux_capacity(descriptor, &capacity) == 0 else { return nil }
        return try? KernelHandle(of: descriptor).handle(of: FileSystemIdentity(of: descriptor, type: capacity.type))
    }
}
