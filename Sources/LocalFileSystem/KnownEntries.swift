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
    /// Bytes of all that is kept at most, and of the entries of one directory.
    private static let capacity = 8 * 1024 * 1024
    static let largest = capacity / 2
    /// The largest directory of which they are read to be kept, in bytes as statx tells its size: few that are smaller turn out to
    /// have too many entries.
    static let largestDirectory: UInt64 = 128 * 1024

    private struct Contents {
        var entries: [FileHandle: KnownEntries] = [:]
        var size = 0
    }

    private let contents = Mutex(Contents())

    /// - Returns: nil when they are not known, or not any more.
    func entries(of directory: FileHandle, _ status: linux_status) -> KnownEntries? {
        contents.withLock { $0.entries[directory] }.flatMap { $0.areOf(status) ? $0 : nil }
    }

    /// Keeps the entries of a directory instead of those known before, and instead of all others when they are too many.
    func keep(_ entries: KnownEntries, of directory: FileHandle) {
        let former = contents.withLock { contents in
            var former = Contents()
            contents.size += entries.size - (contents.entries[directory]?.size ?? 0)
            if contents.size > Self.capacity {
                swap(&former, &contents)
                contents.size = entries.size
            }
            former.entries[directory] = contents.entries.updateValue(entries, forKey: directory)
            return former
        }
        // Nodes may go with them, which close descriptors: outside the lock.
        _ = former
    }
}
