import CLinux
import FileSystem
import Glibc
import NFSProtocol
import Synchronization

/// What the nodes of one file system share: the exported one, or one mounted inside it.
final class Volume: Sendable {
    let identity: FileSystemIdentity
    /// statfs's number for the kind of file system.
    let type: UInt64
    let rootHandle: FileHandle
    /// Whether calls run as the user who makes them. False without the superuser's rights: then they run as the user the
    /// process runs as, and files are found again by handle only while the process lives.
    let actsAsCaller: Bool
    /// Whether changes of names and attributes are on stable storage when a call returns.
    let durableMetadata: Bool
    /// What it keeps of its files.
    let features: FileSystemFeatures
    /// How far apart two ctimes of a file are.
    let ctimeStep: ChangeAttribute.Step
    /// The exported directory, or the root of what is mounted inside, open for reading: open_by_handle_at takes no O_PATH
    /// descriptor to know the file system by. nil while it is suspended.
    private let openRoot: Mutex<Descriptor?>
    private let mountNumber: Atomic<UInt64>
    /// Of what is mounted inside another, the number of the directory it covers.
    let coveredFileID: UInt64?
    /// Where the ways into other volumes lead; nil when there are none.
    let mounts: MountedVolumes?
    let descriptors: Descriptor.Count
    let hidden: HiddenFiles
    /// Whether the process is close to the most memory it may have.
    let isMemoryShort: @Sendable () -> Bool
    /// The nodes of this volume and of those mounted inside: a handle is of one volume only.
    let cache: NodeCache
    /// Flushes under way.
    let flushes = Flushes()
    /// The filehandles of files that listings came by.
    let seenHandles: SeenHandles
    let knownDirectories: KnownDirectories
    private let cacheMemory: CacheMemory
    /// Whether the file system can write into the page cache without waiting, as far as known: XFS can, ext4 cannot.
    let writesWithoutWaiting = Atomic<Bool>(true)

    /// The volume of an exported directory.
    init(
        root: Descriptor, _ handle: KernelHandle, _ status: linux_status, type: UInt64, actsAsCaller: Bool, durableMetadata: Bool,
        descriptors: Descriptor.Count, mounts: MountedVolumes?, hidden: HiddenFiles, cacheMemory: CacheMemory,
        isMemoryShort: @escaping @Sendable () -> Bool
    ) {
        self.cacheMemory = cacheMemory
        seenHandles = SeenHandles(cacheMemory)
        knownDirectories = KnownDirectories(cacheMemory)
        self.hidden = hidden
        self.isMemoryShort = isMemoryShort
        identity = FileSystemIdentity(of: root.number, type: type)
        openRoot = Mutex(root)
        rootHandle = handle.handle(of: identity)
        mountNumber = Atomic(status.mount)
        coveredFileID = nil
        self.type = type
        self.actsAsCaller = actsAsCaller
        self.durableMetadata = durableMetadata
        features = Self.features(root, status)
        ctimeStep = Self.ctimeStep(root)
        self.descriptors = descriptors
        self.mounts = mounts
        cache = NodeCache()
    }

    /// The volume of what is mounted inside `outer`'s exported directory.
    init(root: Descriptor, _ handle: KernelHandle, _ status: linux_status, type: UInt64, inside outer: Volume, coveredFileID: UInt64) {
        identity = FileSystemIdentity(of: root.number, type: type)
        openRoot = Mutex(root)
        rootHandle = handle.handle(of: identity)
        mountNumber = Atomic(status.mount)
        self.coveredFileID = coveredFileID
        self.type = type
        actsAsCaller = outer.actsAsCaller
        durableMetadata = outer.durableMetadata
        features = Self.features(root, status)
        ctimeStep = Self.ctimeStep(root)
        descriptors = outer.descriptors
        mounts = outer.mounts
        hidden = outer.hidden
        cacheMemory = outer.cacheMemory
        seenHandles = SeenHandles(cacheMemory)
        knownDirectories = KnownDirectories(cacheMemory)
        isMemoryShort = outer.isMemoryShort
        cache = outer.cache
    }

    /// Lets go of the nodes, which hold the volume, and remembers none from now on.
    func close() {
        cache.close()
        knownDirectories.close()
    }

    private static func features(_ root: Descriptor, _ status: linux_status) -> FileSystemFeatures {
        var features: FileSystemFeatures = []
        if status.is_born_known { features.insert(.creationTime) }
        if PosixACL.isSupported(by: root) { features.insert(.accessControlLists) }
        return features
    }

    /// Where it cannot be tried, as on a read-only mount, that of kernels whose ctime stands still for a tick: taken for that,
    /// a finer one does no harm.
    private static func ctimeStep(_ root: Descriptor) -> ChangeAttribute.Step {
        let step = linux_ctime_step(root.number)
        return step >= 0 ? UInt64(step) : 10_000_000
    }

    /// The exported directory, or the root of what is mounted inside, open for reading.
    /// - Throws: `delay` while the file system is suspended.
    func root() throws(NFSStatus) -> Descriptor {
        guard let root = openRoot.withLock({ $0 }) else { throw .delay }
        return root
    }

    /// What statx calls the mount.
    var mount: UInt64 { mountNumber.load(ordering: .relaxed) }

    /// Closes all descriptors.
    /// - Returns: whether data is lost that was written and not committed.
    func suspend() -> Bool {
        let isDataLost = cache.closeDescriptors()
        let root = openRoot.withLock { $0.take() }
        _ = root
        return isDataLost
    }

    /// Ends `suspend` with the same file system, mounted again.
    func resume(_ root: Descriptor, _ status: linux_status) {
        mountNumber.store(status.mount, ordering: .relaxed)
        openRoot.withLock { $0 = root }
    }

    /// Makes this thread's calls into the file system run as `credentials`.
    /// - Throws: `access` when the system does not let it be anybody of these ids.
    func act(as credentials: Credentials) throws(NFSStatus) {
        guard actsAsCaller else { return }
        let status = credentials.groups.withUnsafeBufferPointer {
            linux_act_as(credentials.uid, credentials.gid, $0.baseAddress, $0.count)
        }
        guard status == 0 else { throw .access }
    }

    /// Makes this thread's calls into the file system run as the server itself.
    func actAsSuperuser() throws(NFSStatus) {
        guard actsAsCaller else { return }
        guard linux_act_as_superuser() == 0 else { throw .serverfault }
    }

    /// Before a change of names or attributes.
    /// - Throws: `wouldBlock` when it will be waited for to be on stable storage, and the caller may not wait.
    func requireMayChange(_ caller: Caller) throws(NFSStatus) {
        if durableMetadata, !caller.mayBlock { throw .wouldBlock }
    }

    // MARK: Descriptors

    /// Opens a descriptor with `call`, which returns a negated errno on failure.
    /// - Throws: what `call` failed with; `delay` when no descriptor is left and none can be closed.
    func open(for use: Descriptor.Use, mayBlock: Bool, _ call: () -> Int32) throws(SystemError) -> Descriptor {
        while actsAsCaller, descriptors.isFull, cache.evictOne(mayBlock: mayBlock) {}
        var number = call()
        if number < 0, actsAsCaller, SystemError(code: -number).isOutOfDescriptors {
            // Others in the process took what was left: give a part of ours.
            let goal = descriptors.value * 3 / 4
            while descriptors.value > goal, cache.evictOne(mayBlock: mayBlock) {}
            number = call()
        }
        return Descriptor(try check(number), for: use, counted: descriptors)
    }

    /// A descriptor of the file a handle stands for.
    /// - Throws: `stale`, `badhandle`.
    func open(_ handle: FileHandle) throws(NFSStatus) -> Descriptor {
        guard var kernelHandle = KernelHandle(handle, of: identity)?.kernel else { throw .badhandle }
        guard actsAsCaller else { throw .stale }
        let root = try root()
        // The capability this takes goes when a thread acts as an ordinary user.
        try actAsSuperuser()
        do throws(SystemError) {
            return try open(for: .path, mayBlock: true) {
                // Linux lacks memory, as it says, also while the inode of a file that is gone is made that of a new one.
                for _ in 1...5 {
                    let number = linux_open_handle(root.number, &kernelHandle)
                    if number != -ENOMEM { return number }
                    usleep(1000)
                }
                return -ENOMEM
            }
        } catch {
            // To the kernel a handle cut short is one of a file that is gone.
            let isCut = kernelHandle.type == ownHandle.type && kernelHandle.count != ownHandle.count
            throw error.code == EINVAL || isCut ? .badhandle : error.status
        }
    }

    private var ownHandle: linux_handle { KernelHandle(rootHandle, of: identity)?.kernel ?? linux_handle() }

    // MARK: Nodes

    /// The node of the root.
    var rootNode: LocalNode {
        let node = cache.node(rootHandle) { LocalNode(rootHandle, .directory, in: self) }
        if let root = openRoot.withLock({ $0 }) { node.offer(root) }
        return node
    }

    /// The node of an open file.
    /// - Throws: `stale` when the file has no name any more, or is hidden.
    func node(of descriptor: Descriptor) throws(NFSStatus) -> LocalNode {
        var status = linux_status()
        try require(linux_status(descriptor.number, &status))
        guard status.links > 0, let type = FileType(mode: status.mode) else { throw .stale }
        let handle: FileHandle
        if let seen = seenHandles.find(status.inode), seen.isOf(status) {
            handle = seen.handle
        } else {
            do throws(SystemError) {
                handle = try KernelHandle(of: descriptor.number).handle(of: identity)
            } catch {
                throw error.status
            }
            seenHandles.note(handle, of: status)
        }
        let node: LocalNode
        if let known = cache.find(handle) {
            node = known
        } else {
            guard !hidden.contains(handle) else { throw .stale }
            node = cache.node(handle) { LocalNode(handle, type, in: self) }
        }
        node.offer(descriptor)
        return node
    }

    /// The node of an open file, if it is known.
    func knownNode(of descriptor: Descriptor) -> LocalNode? {
        guard let handle = try? KernelHandle(of: descriptor.number).handle(of: identity) else { return nil }
        return cache.find(handle)
    }
}

extension Volume {
    /// How full it is and what it can hold.
    func statistics() throws(NFSStatus) -> FileSystemStatistics {
        var capacity = linux_capacity()
        try require(linux_capacity(root().number, &capacity))
        let limits = Limits.of[type] ?? Limits()
        let block = capacity.block_size
        return FileSystemStatistics(
            bytesAvailable: capacity.blocks_available &* block, bytesFree: capacity.blocks_free &* block,
            bytesTotal: capacity.blocks &* block, filesAvailable: capacity.files_free, filesFree: capacity.files_free,
            filesTotal: capacity.files, maximumFileSize: limits.blocks.map { $0 &* block } ?? UInt64(Int64.max),
            maximumLinks: limits.links, maximumNameLength: UInt32(clamping: capacity.name_length))
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

extension FileType {
    /// - Parameter mode: st_mode.
    /// - Returns: nil for what NFS has no type for.
    init?(mode: UInt32) {
        switch mode & S_IFMT {
        case S_IFREG: self = .regular
        case S_IFDIR: self = .directory
        case S_IFBLK: self = .blockDevice
        case S_IFCHR: self = .characterDevice
        case S_IFLNK: self = .symbolicLink
        case S_IFSOCK: self = .socket
        case S_IFIFO: self = .fifo
        default: return nil
        }
    }
}
