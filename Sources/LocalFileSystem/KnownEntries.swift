import CLinux
import FileSystem
import NFSProtocol
import Synchronization

/// The entries of a directory as the kernel listed them, and which of them were found to be files in use.
///
/// A name leads to another file only after a change of the directory, and that gives it another ctime, whoever makes it. So the
/// entries are those of the directory as long as its ctime is the one it had when reading began, given that this was no news then:
/// a later change falls into another tick of whatever clock ctime is taken from. What may change without the directory, that is
/// all else about the files, is not kept.
final class KnownEntries: @unchecked Sendable {
    /// One behind the other, as getdents64 writes them. Never written to; valid as long as this object.
    let records: UnsafeRawBufferPointer
    private let changed: linux_time
    /// A node knows by itself whether its file is still in use.
    private let nodes: Mutex<[LocalNode?]>
    private let count: Int

    /// - Parameter changed: the ctime of the directory before `records` were read.
    init(_ records: [UInt8], count: Int, changed: linux_time) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: records.count, alignment: 8)
        copy.copyBytes(from: records)
        self.records = UnsafeRawBufferPointer(copy)
        self.changed = changed
        nodes = Mutex(Array(repeating: nil, count: count))
        self.count = count
    }

    deinit { records.deallocate() }

    var size: Int { Self.size(records: records.count, count: count) }

    /// Bytes of memory for entries, those of nodes that nobody else may have any more included.
    static func size(records: Int, count: Int) -> Int { records + count * 512 }

    /// Whether they are those of the directory that has `status`.
    func areOf(_ status: linux_status) -> Bool {
        status.changed.seconds == changed.seconds && status.changed.nanoseconds == changed.nanoseconds
    }

    /// The files that were in use when somebody listed them, each at the place of its entry.
    var filesInUse: [LocalNode?] { nodes.withLock { $0 } }

    func note(_ filesInUse: [LocalNode?]) {
        // Outside the lock, for those that nobody else has any more.
        let former = nodes.withLock { nodes in
            defer { nodes = filesInUse }
            return nodes
        }
        _ = former
    }

    /// Where the entries begin behind the kernel's position `start`; nil when none of them leads there.
    func walk(behind start: Int64) -> LocalNode.Walk? {
        var walk = LocalNode.Walk()
        while walk.position != start, walk.offset < records.count {
            walk.pass(linux_entry_at(records.baseAddress! + walk.offset))
        }
        return walk.position == start ? walk : nil
    }
}

/// The entries of directories that were listed lately.
final class KnownDirectories: Sendable {
    /// The largest directory of which they are read to be kept, in bytes as statx tells its size: few that are smaller turn out to
    /// have too many entries.
    static let largestDirectory: UInt64 = 128 * 1024

    private let memory: CacheMemory
    /// Nil when nothing is to be kept any more.
    private let entries = Mutex<[FileHandle: KnownEntries]?>([:])

    init(_ memory: CacheMemory) { self.memory = memory }

    /// Lets go of all entries, and keeps none from now on.
    func close() {
        let former = entries.withLock { $0.take() }
        memory.give(back: Self.size((former ?? [:]).values))
    }

    /// Bytes of the entries of one directory at most.
    var largest: Int { memory.limit / 4 }

    private static func size(_ entries: some Sequence<KnownEntries>) -> Int { entries.reduce(0) { $0 + $1.size } }

    /// - Returns: nil when they are not known, or not any more.
    func entries(of directory: FileHandle, _ status: linux_status) -> KnownEntries? {
        entries.withLock { $0?[directory] }.flatMap { $0.areOf(status) ? $0 : nil }
    }

    /// Keeps the entries of a directory instead of those known before, and instead of all others when there is no room beside them.
    func keep(_ known: KnownEntries, of directory: FileHandle) {
        let isRoom = memory.take(known.size)
        let former: [KnownEntries] = entries.withLock { entries in
            guard entries != nil else { return isRoom ? [known] : [] }
            guard isRoom else {
                defer { entries = [:] }
                return entries.map { Array($0.values) } ?? []
            }
            return entries?.updateValue(known, forKey: directory).map { [$0] } ?? []
        }
        // Nodes may go with them, which close descriptors: outside the lock.
        memory.give(back: Self.size(former))
    }
}
