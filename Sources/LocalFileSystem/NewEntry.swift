import CLinux
import FileSystem
import Glibc
import NFSProtocol

/// A file to be made, checked for what the system would take the wrong way.
struct NewEntry {
    let type: FileType
    private let object: NewObject
    private let mode: UInt32
    private let changes: AttributeChanges

    /// What a file is made with when the client names no mode: nobody but its owner gets at it.
    private static let defaultMode: UInt32 = 0o600
    private static let defaultDirectoryMode: UInt32 = 0o700

    /// - Throws: `inval` for a size of what is no regular file, a target no link can have or numbers no device can have,
    ///   `nametoolong` for a target longer than the system's paths.
    init(_ object: NewObject, _ changes: AttributeChanges) throws(NFSStatus) {
        switch object {
        case .regular: type = .regular
        case .directory: type = .directory
        case .socket: type = .socket
        case .fifo: type = .fifo
        case .symbolicLink(let target):
            type = .symbolicLink
            guard !target.isEmpty, !target.contains(0) else { throw .inval }
            guard target.count < Int(PATH_MAX) else { throw .nametoolong }
        case .blockDevice(let device), .characterDevice(let device):
            if case .blockDevice = object { type = .blockDevice } else { type = .characterDevice }
            // What dev_t of the kernel has bits for.
            guard device.major < 1 << 12, device.minor < 1 << 20 else { throw .inval }
        }
        if let size = changes.size {
            guard type == .regular else { throw .inval }
            _ = try LocalNode.offset(size)
        }
        self.object = object
        self.changes = changes
        mode = (changes.mode ?? (type == .directory ? Self.defaultDirectoryMode : Self.defaultMode)) & 0o7777
    }

    /// Makes the entry, with its mode, as the user the thread acts as.
    func make(_ name: FileName, in parent: LocalNode, _ directory: Descriptor, _ caller: Caller) throws(NFSStatus) -> Descriptor {
        if type == .regular {
            do throws(SystemError) {
                return try name.withCString { name throws(SystemError) in
                    try parent.volume.open(for: .write, mayBlock: caller.mayBlock) { linux_create(directory.number, name, mode) }
                }
            } catch {
                throw status(error)
            }
        }
        do throws(SystemError) {
            try check(name.withCString { make(at: $0, in: directory.number) })
        } catch {
            throw status(error)
        }
        do throws(NFSStatus) {
            // The kernel has the entry at hand, so this does not wait.
            return try parent.ownEntry(name, of: directory, Caller(caller.credentials, mayBlock: true))
        } catch {
            _ = name.withCString { linux_unlink(directory.number, $0, type == .directory) }
            throw error
        }
    }

    /// What the making failed with.
    private func status(_ error: SystemError) -> NFSStatus {
        // The directory is gone: the new name cannot be what is missing.
        error.code == ENOENT ? .stale : error.status
    }

    private func make(at name: UnsafePointer<CChar>, in directory: Int32) -> Int32 {
        switch object {
        // Not reached: regular files are made by opening them.
        case .regular: -EINVAL
        case .directory: linux_mkdir(directory, name, mode)
        case .symbolicLink(let target):
            (target + [0]).withUnsafeBytes { linux_symlink($0.baseAddress!.assumingMemoryBound(to: CChar.self), directory, name) }
        case .blockDevice(let device): linux_mknod(directory, name, mode | S_IFBLK, device.major, device.minor)
        case .characterDevice(let device): linux_mknod(directory, name, mode | S_IFCHR, device.major, device.minor)
        case .socket: linux_mknod(directory, name, mode | S_IFSOCK, 0, 0)
        case .fifo: linux_mknod(directory, name, mode | S_IFIFO, 0, 0)
        }
    }

    /// Sets what the file was not made with, as the user the thread acts as.
    /// - Returns: whether there was something.
    func finish(_ node: LocalNode, _ made: Descriptor) throws(NFSStatus) -> Bool {
        var left = changes
        left.mode = nil
        if let size = changes.size, size > 0 {
            try require(linux_ftruncate(made.number, LocalNode.offset(size)))
        }
        left.size = nil
        // Through the descriptor at hand: looking for another one would change who the thread acts as.
        var status = linux_status()
        try require(linux_status(made.number, &status))
        if left.owner == status.uid { left.owner = nil }
        if left.group == status.gid { left.group = nil }
        // mkdir drops set-user-ID and set-group-ID, a change of owner clears them.
        let special = mode & 0o6000
        if left.owner != nil || left.group != nil ? special != 0 : type == .directory && special & ~status.mode != 0 {
            // A directory keeps the set-group-ID bit it inherited.
            left.mode = mode | status.mode & (type == .directory ? S_ISGID : 0)
        }
        try node.set(left, through: made)
        return !left.isEmpty || changes.size ?? 0 > 0
    }
}
