import CLinux
import FileSystem
import Glibc
import NFSProtocol

/// A directory of this machine and what is below it, on one mounted file system.
///
/// - Filehandles are the kernel's: they live through a restart, a mount at another place and a move of the device. A handle
///   of a file on the same file system but outside of the directory is served too; who must not reach those files is given
///   a file system of its own.
/// - The kernel checks permissions. A call leaves its thread acting as its caller, see `actAsServer()`.
/// - What other processes of the machine remove while a client has it open is kept only while its descriptor is.
/// - Something mounted on a directory inside is another file system's: it is refused, or entered if that is wanted.
package final class LocalFileSystem: FileSystem {
    private let path: String
    private let volume: Volume
    private let rootNode: LocalNode

    package var identity: FileSystemIdentity { volume.identity }
    package var root: any Node { rootNode }

    /// Whether calls run as the user who makes them. False when the process is not the superuser's: everything then runs as
    /// the user of the process, and handles do not outlive it. For trials only.
    package var actsAsCaller: Bool { volume.actsAsCaller }

    /// How many descriptors are kept open at most, but for files that were removed while open. Lowered to three quarters of what the
    /// process may have; what is open above a new limit is closed as others are opened.
    package var descriptorLimit: Int {
        get { volume.descriptors.limit }
        set { volume.descriptors.limit = Self.possible(newValue) }
    }

    /// How many descriptors are open now.
    package var descriptorCount: Int { volume.descriptors.value }

    /// - Parameters:
    ///   - path: a directory, on a file system that knows filehandles (ext4, XFS, Btrfs, tmpfs).
    ///   - durableMetadata: whether changes of names and attributes are on stable storage when a call returns, as
    ///     RFC 8881 wants it.
    ///   - descriptorLimit: how many descriptors to keep open. The process's soft limit is raised to its hard limit, and its umask
    ///     set to 0.
    ///   - crossesMounts: whether what is mounted on directories inside is served with it.
    ///   - hidden: what clients must not see.
    ///   - cacheMemory: what may be taken by what is remembered of files, shared with other file systems.
    ///   - isMemoryShort: whether the process is close to the most memory it may have. Asked once for each 8 MiB of a stream, from any
    ///     thread; while it is so, what a stream has left behind is not kept in memory.
    package init(
        path: String, durableMetadata: Bool, descriptorLimit: Int, crossesMounts: Bool = false, hidden: HiddenFiles = HiddenFiles(),
        cacheMemory: CacheMemory = CacheMemory(limit: 16 << 20), isMemoryShort: @escaping @Sendable () -> Bool = { false }
    ) throws(LocalFileSystemError) {
        umask(0)
        self.path = path
        let descriptors = Descriptor.Count(limit: Self.possible(descriptorLimit))
        let root = try Self.openRoot(path, counted: descriptors)
        let number = root.number
        var capacity = linux_capacity()
        var status = linux_status()
        do throws(SystemError) {
            try check(linux_capacity(number, &capacity))
            try check(linux_status(number, &status))
            let handle = try KernelHandle(of: number)
            volume = Volume(
                root: root, handle, status, type: capacity.type, actsAsCaller: try Self.canActAsCaller(root: number, handle),
                durableMetadata: durableMetadata, descriptors: descriptors,
                mounts: crossesMounts ? MountedVolumes(below: Self.resolved(path)) : nil, hidden: hidden, cacheMemory: cacheMemory,
                isMemoryShort: isMemoryShort)
            rootNode = volume.rootNode
            volume.mounts?.begin(with: volume)
        } catch {
            throw Self.cannotServe(path, error)
        }
    }

    deinit {
        volume.close()
        volume.mounts?.close()
        // Whoever lets go of a file system may want to unmount it.
        volume.descriptors.waitForClosing()
    }

    /// Closes every descriptor, so that the file system can be unmounted. What clients have open stays open to them, but for files
    /// without a name, and is opened again when it is used after `resume`; until then calls throw `delay`. For when no call is under
    /// way, and nothing is served that is mounted inside.
    /// - Returns: whether the device refused data that was written and not committed.
    package func suspend() -> Bool {
        Self.actAsSuperuser()
        return volume.suspend()
    }

    /// Goes on after `suspend`, with the same file system at the same place.
    package func resume() throws(LocalFileSystemError) {
        let root = try Self.openRoot(path, counted: volume.descriptors)
        var status = linux_status()
        do throws(SystemError) {
            try check(linux_status(root.number, &status))
            guard try KernelHandle(of: root.number).handle(of: FileSystemIdentity(of: root.number, type: volume.type)) == volume.rootHandle
            else {
                throw SystemError(code: ESTALE)
            }
        } catch {
            throw error.code == ESTALE
                ? LocalFileSystemError("something else is mounted at \(path) than before: mount what was there, or start the server again")
                : Self.cannotServe(path, error)
        }
        volume.resume(root, status)
    }

    package func node(for handle: FileHandle, _ caller: Caller) throws(NFSStatus) -> any Node {
        if let node = volume.cache.find(handle) { return node }
        guard let mark = KernelHandle.mark(in: handle) else { throw .badhandle }
        let isOfRoot = mark == KernelHandle.mark(of: identity)
        guard isOfRoot || volume.mounts != nil else { throw .badhandle }
        guard caller.mayBlock else { throw .wouldBlock }
        let volume = try isOfRoot ? self.volume : self.volume.mounts?.volume(thatMarks: mark) ?? self.volume
        let node = try volume.node(of: volume.open(handle))
        // The kernel takes other handles for a file than the one it gives, ones without a generation among them.
        guard node.handle == handle else { throw .badhandle }
        return node
    }

    package func hasOpened(_ file: any OpenFile) -> Bool { (file as? LocalOpenFile)?.volume.cache === volume.cache }

    package func actAsServer() { Self.actAsSuperuser() }

    /// Makes the calling thread act as the superuser again, if the process is the superuser's.
    package static func actAsSuperuser() {
        // Fails only where `act(as:)` never succeeded.
        if geteuid() == 0 { _ = linux_act_as_superuser() }
    }
}

extension LocalFileSystem {
    private static func openRoot(_ path: String, counted descriptors: Descriptor.Count) throws(LocalFileSystemError) -> Descriptor {
        let number = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw cannotOpen(path, SystemError(code: errno)) }
        return Descriptor(number, for: .read, counted: descriptors)
    }

    /// Whether this process may open files by handle and act as other users.
    /// - Throws: EPERM when it is the superuser's and may not.
    private static func canActAsCaller(root: Int32, _ handle: KernelHandle) throws(SystemError) -> Bool {
        guard geteuid() == 0 else { return false }
        var kernelHandle = handle.kernel
        try check(linux_act_as_superuser())
        close(try check(linux_open_handle(root, &kernelHandle)))
        let nobody: UInt32 = 65534
        try check(linux_act_as(nobody, nobody, nil, 0))
        try check(linux_act_as_superuser())
        return true
    }

    /// `path` without symbolic links, as mounts are listed.
    private static func resolved(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// What can be had of a number of descriptors.
    private static func possible(_ limit: Int) -> Int { min(limit, raisedLimit() * 3 / 4) }

    /// Raises the limit of open descriptors as far as it goes.
    /// - Returns: the limit.
    private static func raisedLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    private static func cannotOpen(_ path: String, _ error: SystemError) -> LocalFileSystemError {
        switch error.code {
        case ENOENT: LocalFileSystemError("\(path) does not exist: create it, or mount the volume there, before it is exported")
        case ENOTDIR: LocalFileSystemError("\(path) is not a directory: export the directory it is in")
        case EACCES: LocalFileSystemError("\(path) may not be read: run the server as root")
        default: LocalFileSystemError("\(path) cannot be opened (\(error.description)): check the device it is mounted from")
        }
    }

    private static func cannotServe(_ path: String, _ error: SystemError) -> LocalFileSystemError {
        switch error.code {
        case EOPNOTSUPP:
            LocalFileSystemError("the file system of \(path) makes no persistent filehandles: export a directory on ext4, XFS or Btrfs")
        case EPERM:
            LocalFileSystemError(
                "files of \(path) cannot be opened by filehandle or on behalf of others: give the server's container the capabilities "
                    + "CAP_DAC_READ_SEARCH, CAP_SETUID and CAP_SETGID")
        default: LocalFileSystemError("\(path) cannot be exported (\(error.description)): check the device it is mounted from")
        }
    }
}
