import CLinux
import FileSystem
import Glibc
import NFSProtocol
import Synchronization

/// A file of a `LocalFileSystem`. There is one object for each file that is in use, and those of glimpses at others.
final class LocalNode: Node {
    let handle: FileHandle
    let type: FileType
    let volume: Volume

    private let used = Atomic<Bool>(true)
    private let state = Mutex(State())

    /// Held by a thread while it changes this directory's entries, so that what it reports as the change attribute before
    /// and after is about its own change alone.
    let entriesChange = Mutex<Void>(())

    private struct State {
        var descriptor: Descriptor?
        /// A descriptor that stands somewhere in this directory; taken out while it is read from.
        var listing: Listing?
        /// How many `OpenFile`s there are.
        var opens = 0
        /// Its last name was removed: it cannot be opened by its handle again.
        var isUnlinked = false
        /// Something was written through `descriptor` that was not committed.
        var hasUncommitted = false
        /// Uncommitted data could not be brought to stable storage when its descriptor was closed: for the next commit.
        var lostWrites: NFSStatus?
        var changes = ChangeAttribute()
    }

    init(_ handle: FileHandle, _ type: FileType, in volume: Volume) {
        self.handle = handle
        self.type = type
        self.volume = volume
    }

    var fileSystemIdentity: FileSystemIdentity { volume.identity }

    var fileSystemFeatures: FileSystemFeatures { volume.features }

    var coveredFileID: UInt64? { handle == volume.rootHandle ? volume.coveredFileID : nil }

    func statistics(_ caller: Caller) throws(NFSStatus) -> FileSystemStatistics { try volume.statistics() }

    /// - Throws: `notdir`, or `symlink` for a symbolic link, when this is no directory.
    func requireDirectory() throws(NFSStatus) {
        guard type == .directory else { throw type == .symbolicLink ? .symlink : .notdir }
    }

    // MARK: The descriptor

    /// A descriptor of the file, good for `use`: the kept one, or a new one that is kept.
    /// - Throws: `wouldBlock` when the file has to be looked for by its handle, `stale` when it is gone.
    func descriptor(for use: Descriptor.Use = .path, mayBlock: Bool) throws(NFSStatus) -> Descriptor {
        let (kept, isUnlinked) = state.withLock { ($0.descriptor, $0.isUnlinked) }
        if let kept, kept.use >= use { return kept }
        let base: Descriptor
        if let kept {
            base = kept
        } else {
            guard !isUnlinked else { throw .stale }
            guard mayBlock else { throw .wouldBlock }
            base = try volume.open(handle)
            if use == .path { return offer(base) }
        }
        // Whoever wants the data has been found to have the right to it; the descriptor is everybody's.
        try volume.actAsSuperuser()
        do throws(SystemError) {
            let flags = use == .write ? O_RDWR : O_RDONLY
            return offer(try volume.open(for: use, mayBlock: mayBlock) { linux_reopen(base.number, flags) })
        } catch {
            throw error.status
        }
    }

    /// Keeps `descriptor` if it is better than what is kept.
    /// - Returns: the better one.
    @discardableResult
    func offer(_ descriptor: Descriptor) -> Descriptor {
        state.withLock { state in
            if let kept = state.descriptor, kept.use >= descriptor.use { return kept }
            if !state.isUnlinked || state.opens > 0 { state.descriptor = descriptor }
            return descriptor
        }
    }

    /// Gives up the descriptors. Unwritten data is brought to stable storage before: an error of the device is told to those
    /// who had the file open when it happened, and nobody might by the time of the commit.
    /// - Returns: false when it cannot be done, as the file could not be opened again, or because of `mayBlock`.
    func closeDescriptors(mayBlock: Bool) -> Bool {
        let (kept, opens, hasUncommitted) = state.withLock { ($0.descriptor, $0.opens, $0.hasUncommitted) }
        guard let kept else { return false }
        if opens > 0 {
            var status = linux_status()
            guard linux_status(kept.number, &status) == 0, status.links > 0 else { return false }
        }
        if hasUncommitted {
            guard mayBlock else { return false }
            do throws(NFSStatus) {
                try commit(through: kept)
            } catch {
                state.withLock { $0.lostWrites = error }
            }
        }
        let closed = state.withLock { state -> (Descriptor?, Listing?)? in
            guard state.descriptor === kept, !state.hasUncommitted, !state.isUnlinked else { return nil }
            defer { (state.descriptor, state.listing) = (nil, nil) }
            return (state.descriptor, state.listing)
        }
        return closed != nil
    }

    /// The same, if need be without a way back: then whoever has the file open finds it stale.
    /// - Returns: whether data is lost that was written and not committed.
    func giveUpDescriptors() -> Bool {
        _ = closeDescriptors(mayBlock: true)
        // Closed behind the lock, if it could not be done in order: whoever has the file open still has this node.
        let (closed, isDataLost) = state.withLock { state in
            defer { (state.descriptor, state.listing, state.hasUncommitted, state.lostWrites) = (nil, nil, false, nil) }
            return ((state.descriptor, state.listing), state.hasUncommitted || state.lostWrites != nil)
        }
        _ = closed
        return isDataLost
    }

    /// The descriptor that is kept.
    var keptDescriptor: Descriptor? { state.withLock { $0.descriptor } }

    package var knownPath: String? {
        guard let keptDescriptor else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { path in
            let count = readlink("/proc/self/fd/\(keptDescriptor.number)", path.baseAddress!, path.count)
            return count > 0 ? String(decoding: path.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
        }
    }

    /// Whether nothing is lost when this object goes.
    var isClean: Bool { state.withLock { !$0.hasUncommitted && $0.lostWrites == nil } }

    // MARK: Use

    func markUsed() {
        // Most often it is set already; a store would take the cache line from the other processors.
        if !used.load(ordering: .relaxed) { used.store(true, ordering: .relaxed) }
    }

    func clearUsed() -> Bool { used.exchange(false, ordering: .relaxed) }

    var isOpen: Bool { state.withLock { $0.opens > 0 } }

    func countOpen() { state.withLock { $0.opens += 1 } }

    func countClose() {
        let isGone = state.withLock { state in
            state.opens -= 1
            return state.opens == 0 && state.isUnlinked
        }
        if isGone { release() }
    }

    /// The file behind `descriptor` lost a name. If that was its last one, it is kept for those who have it open, and let go
    /// otherwise: a descriptor would keep its storage taken.
    func noteUnlinked(_ descriptor: Descriptor) {
        var status = linux_status()
        guard linux_status(descriptor.number, &status) == 0 else { return }
        guard status.links == 0 else { return }
        let isOpen = state.withLock { state in
            state.isUnlinked = true
            if state.opens > 0, state.descriptor == nil { state.descriptor = descriptor }
            return state.opens > 0
        }
        if !isOpen { release() }
    }

    /// Lets go of the file.
    func release() {
        let closed = state.withLock { state in
            defer { (state.descriptor, state.listing) = (nil, nil) }
            return (state.descriptor, state.listing)
        }
        _ = closed
        volume.cache.forget(self)
    }

    // MARK: Unwritten data

    /// A descriptor to write through.
    func descriptorForWriting(mayBlock: Bool) throws(NFSStatus) -> Descriptor {
        while true {
            let descriptor = try descriptor(for: .write, mayBlock: mayBlock)
            // Marked before it is written, so that the descriptor is not closed without a look for errors.
            let isKept = state.withLock { state in
                guard state.descriptor === descriptor || state.isUnlinked else { return false }
                state.hasUncommitted = true
                return true
            }
            if isKept { return descriptor }
        }
    }

    /// Brings everything written to stable storage, and tells an error kept from earlier.
    func commit() throws(NFSStatus) {
        let descriptor = try descriptor(for: .read, mayBlock: true)
        try commit(through: descriptor)
        let lost = state.withLock { state in
            defer { state.lostWrites = nil }
            return state.lostWrites
        }
        if let lost { throw lost }
    }

    /// As `commit`, and all attributes too. The kernel tells of lost writes once: what is told here is kept for `commit`, whose
    /// caller wrote them.
    func persistFile() throws(NFSStatus) {
        let descriptor = try descriptor(for: .read, mayBlock: true)
        try volume.flushes.flush(handle) { () throws(NFSStatus) in
            do throws(NFSStatus) {
                try require(linux_fsync(descriptor.number))
            } catch {
                state.withLock { $0.lostWrites = error }
                throw error
            }
        }
    }

    /// Notes that something was written through `descriptor` and not committed: a commit that ran meanwhile may have missed it.
    func noteUncommitted(through descriptor: Descriptor) {
        state.withLock { state in
            if state.descriptor === descriptor { state.hasUncommitted = true }
        }
    }

    private func commit(through descriptor: Descriptor) throws(NFSStatus) {
        try volume.flushes.flush(handle) { () throws(NFSStatus) in
            // What is written from here on needs another commit.
            state.withLock { $0.hasUncommitted = false }
            // Not only the data: the metadata that COMMIT speaks of (RFC 8881 §18.3.4) is what the change attribute is made of.
            try require(linux_fsync(descriptor.number))
        }
    }

    // MARK: Change attribute

    /// Runs `body`, which changes the file, in such a way that the change attribute tells of it.
    func changing<Result>(_ body: () throws(NFSStatus) -> Result) throws(NFSStatus) -> Result {
        state.withLock { $0.changes.begin() }
        defer { state.withLock { $0.changes.end() } }
        return try body()
    }

    /// What the system knows of the file, and the change attribute that goes with it.
    func status(mayBlock: Bool) throws(NFSStatus) -> (status: linux_status, change: UInt64) {
        var (kept, look) = state.withLock { ($0.descriptor, $0.changes.look()) }
        if kept == nil {
            kept = try descriptor(mayBlock: mayBlock)
            look = state.withLock { $0.changes.look() }
        }
        return try status(through: kept!, since: look)
    }

    /// The same through a descriptor at hand.
    func status(through descriptor: Descriptor) throws(NFSStatus) -> (status: linux_status, change: UInt64) {
        try status(through: descriptor, since: state.withLock { $0.changes.look() })
    }

    /// The attributes of the file if it is in use and still has a name.
    /// - Parameter fileID: the number that is expected of it.
    func glimpse(expecting fileID: UInt64) throws(NFSStatus) -> FileAttributes? {
        let (kept, look) = state.withLock { ($0.descriptor, $0.changes.look()) }
        guard let kept else { return nil }
        markUsed()
        let (status, change) = try status(through: kept, since: look)
        return status.links > 0 && status.inode == fileID ? attributes(status, change) : nil
    }

    /// The change attribute that goes with a status that was read when the file was not being changed, as far as is known now.
    func change(_ status: linux_status) -> UInt64 {
        let ctime = Self.nanoseconds(status.changed)
        return state.withLock { $0.changes.value(ctime: ctime, since: $0.changes.look(), step: volume.ctimeStep) }
    }

    private static func nanoseconds(_ time: linux_time) -> UInt64 {
        ChangeAttribute.nanoseconds(Int(time.seconds), Int(time.nanoseconds))
    }

    private func status(
        through descriptor: Descriptor, since look: ChangeAttribute.Look
    ) throws(NFSStatus) -> (status: linux_status, change: UInt64) {
        var status = linux_status()
        try require(linux_status(descriptor.number, &status))
        let ctime = Self.nanoseconds(status.changed)
        return (status, state.withLock { $0.changes.value(ctime: ctime, since: look, step: volume.ctimeStep) })
    }

    // MARK: Listing

    /// Takes the descriptor that stands in this directory.
    func takeListing() -> Listing? {
        state.withLock { state in
            defer { state.listing = nil }
            return state.listing
        }
    }

    func keepListing(_ listing: Listing) {
        state.withLock { state in
            // Without a descriptor the node was, or is being, evicted.
            if state.descriptor != nil { state.listing = listing }
        }
    }
}

/// A descriptor of a directory and its position, as a cookie of getdents64.
struct Listing: Sendable {
    var descriptor: Descriptor
    var position: Int64
}
