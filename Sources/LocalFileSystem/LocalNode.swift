import CLinux
import FileSystem
import Glibc
import NFSProtocol
import Synchronization

/// A file of a `LocalFileSystem`. There is one object for each file that is in use, and those of glimpses beside it.
final class LocalNode: Node {
    let handle: FileHandle
    let type: FileType
    let volume: Volume
    /// What `attributes` answers with, of a glimpse: the attributes of its moment.
    let glimpsed: FileAttributes?

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
        var changes = ChangeCount()
    }

    init(_ handle: FileHandle, _ type: FileType, in volume: Volume, glimpsed: FileAttributes? = nil) {
        self.handle = handle
        self.type = type
        self.volume = volume
        self.glimpsed = glimpsed
    }

    var fileSystemIdentity: FileSystemIdentity { volume.identity }

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

    var hasDescriptor: Bool { state.withLock { $0.descriptor != nil } }

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
        guard status.links == 0 else { return noteChange() }
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
    /// - Parameter leavesUncommitted: whether the data will be in the page cache only.
    func descriptorForWriting(leavesUncommitted: Bool, mayBlock: Bool) throws(NFSStatus) -> Descriptor {
        while true {
            let descriptor = try descriptor(for: .write, mayBlock: mayBlock)
            // Marked before it is written, so that the descriptor is not closed without a look for errors.
            let isKept = state.withLock { state in
                guard state.descriptor === descriptor || state.isUnlinked else { return false }
                if leavesUncommitted { state.hasUncommitted = true }
                return true
            }
            if isKept { return descriptor }
        }
    }

    /// Brings everything written to stable storage, and tells an error kept from earlier.
    func commit() throws(NFSStatus) {
        let descriptor = try descriptor(for: .read, mayBlock: true)
        let lost = state.withLock { state in
            defer { state.lostWrites = nil }
            return state.lostWrites
        }
        try commit(through: descriptor)
        if let lost { throw lost }
    }

    /// As `commit`, and all attributes too. The kernel tells of lost writes once: what is told here is kept for `commit`, whose
    /// caller wrote them.
    func persistFile() throws(NFSStatus) {
        let result = linux_fsync(try descriptor(for: .read, mayBlock: true).number)
        do throws(NFSStatus) {
            try require(result)
        } catch {
            state.withLock { $0.lostWrites = error }
            throw error
        }
    }

    private func commit(through descriptor: Descriptor) throws(NFSStatus) {
        // What is written from here on needs another commit.
        state.withLock { $0.hasUncommitted = false }
        try require(linux_fdatasync(descriptor.number))
    }

    // MARK: Change attribute

    /// Counts a change this server made; to be called after it was made, before anybody hears of it.
    func noteChange() { state.withLock { $0.changes.made &+= 1 } }

    /// Counts a write through `descriptor`.
    func noteWrite(through descriptor: Descriptor, leavesUncommitted: Bool) {
        state.withLock { state in
            state.changes.made &+= 1
            // A commit that ran meanwhile may have missed it.
            if leavesUncommitted, state.descriptor === descriptor { state.hasUncommitted = true }
        }
    }

    func change(_ status: linux_status) -> UInt64 { state.withLock { $0.changes.attribute(status.changed) } }

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

/// Makes a change attribute of a file's ctime (RFC 8881 §5.8.1.4).
///
/// Kernels before 6.13 take ctime from a clock that stands still for milliseconds. So that two changes of one such moment
/// differ, the changes this server made since it first saw that ctime are added. Limits: changes of one moment made by
/// other processes cannot be told apart, nor can those counted here be after the node was dropped from the cache or the
/// server restarted within the same moment.
private struct ChangeCount {
    var made: UInt64 = 0
    private var time: UInt64 = 0
    private var madeAtTime: UInt64 = 0

    mutating func attribute(_ changed: linux_time) -> UInt64 {
        let time = UInt64(bitPattern: changed.seconds) &* 1_000_000_000 &+ UInt64(changed.nanoseconds)
        if time > self.time { (self.time, madeAtTime) = (time, made) }
        // A thread that looked before another may come here after it.
        return time == self.time ? time &+ (made &- madeAtTime) : time
    }
}
