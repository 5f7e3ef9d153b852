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
package final class LocalFileSystem: FileSystem {
    private let volume: Volume
    private let rootNode: LocalNode

    package var identity: FileSystemIdentity { volume.identity }
    package var root: any Node { rootNode }

    /// Whether calls run as the user who makes them. False when the process is not the superuser's: everything then runs as
    /// the user of the process, and handles do not outlive it. For trials only.
    package var actsAsCaller: Bool { volume.actsAsCaller }

    /// How many descriptors are kept open at most, but for files that were removed while open.
    package var descriptorLimit: Int { volume.descriptorLimit }

    /// How many descriptors are open now.
    package var descriptorCount: Int { volume.descriptors.value }

    /// - Parameters:
    ///   - path: a directory, on a file system that knows filehandles (ext4, XFS, Btrfs, tmpfs).
    ///   - durableMetadata: whether changes of names and attributes are on stable storage when a call returns, as
    ///     RFC 8881 wants it.
    ///   - descriptorLimit: how many descriptors to keep open; lowered to three quarters of what the process may have. The
    ///     process's soft limit is raised to its hard limit, and its umask set to 0.
    ///   - hidden: what clients must not see.
    package init(
        path: String, durableMetadata: Bool, descriptorLimit: Int, hidden: HiddenFiles = HiddenFiles()
    ) throws(LocalFileSystemError) {
        umask(0)
        let descriptors = Descriptor.Count()
        let number = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw Self.cannotOpen(path, SystemError(code: errno)) }
        let root = Descriptor(number, for: .read, counted: descriptors)
        var capacity = linux_capacity()
        do throws(SystemError) {
            try check(linux_capacity(number, &capacity))
            let identity = FileSystemIdentity(of: number, type: capacity.type)
            let handle = try KernelHandle(of: number)
            volume = Volume(
                root: root, rootHandle: handle.handle(of: identity), identity: identity, type: capacity.type,
                actsAsCaller: try Self.canActAsCaller(root: number, handle), durableMetadata: durableMetadata,
                descriptorLimit: min(descriptorLimit, Self.raisedLimit() * 3 / 4), descriptors: descriptors,
                hidden: hidden)
            rootNode = volume.cache.node(volume.rootHandle) { [volume] in LocalNode(volume.rootHandle, .directory, in: volume) }
            rootNode.offer(root)
        } catch {
            throw Self.cannotServe(path, error)
        }
    }

    deinit { volume.cache.close() }

    package func node(for handle: FileHandle, _ caller: Caller) throws(NFSStatus) -> any Node {
        if let node = volume.cache.find(handle) { return node }
        guard KernelHandle(handle, of: identity) != nil else { throw .badhandle }
        guard caller.mayBlock else { throw .wouldBlock }
        let node = try volume.node(of: volume.open(handle))
        // The kernel takes other handles for a file than the one it gives, ones without a generation among them.
        guard node.handle == handle else { throw .badhandle }
        return node
    }

    package func statistics(_ caller: Caller) throws(NFSStatus) -> FileSystemStatistics {
        var capacity = linux_capacity()
        try require(linux_capacity(volume.root.number, &capacity))
        let limits = Limits.of[volume.type] ?? Limits()
        let block = capacity.block_size
        return FileSystemStatistics(
            bytesAvailable: capacity.blocks_available &* block, bytesFree: capacity.blocks_free &* block,
            bytesTotal: capacity.blocks &* block, filesAvailable: capacity.files_free, filesFree: capacity.files_free,
            filesTotal: capacity.files, maximumFileSize: limits.blocks.map { $0 &* block } ?? UInt64(Int64.max),
            maximumLinks: limits.links, maximumNameLength: UInt32(clamping: capacity.name_length))
    }

    package func actAsServer() { Self.actAsSuperuser() }

    /// Makes the calling thread act as the superuser again, if the process is the superuser's.
    package static func actAsSuperuser() {
        // Fails only where `act(as:)` never succeeded.
        if geteuid() == 0 { _ = linux_act_as_superuser() }
    }

    /// What statfs does not tell of a file system.
    private struct Limits {
        /// The size of the largest file in blocks; nil for no limit below that of the interface.
        var blocks: UInt64?
        var links: UInt32 = 0xffff

        /// By statfs's type.
        static let of: [UInt64: Limits] = [
            FileSystemIdentity.ext4: Limits(blocks: 0xffff_ffff, links: 65000),
            0x5846_5342: Limits(links: 0x7fff_ffff),  // XFS
        ]
    }
}

extension LocalFileSystem {
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
