import CLinux
import FileSystem
import Glibc
import NFSProtocol
import Synchronization

/// The filehandles of files that were looked up or listed lately, so that the next time the kernel need not be asked for them again,
/// which in a listing costs as much as all the rest.
///
/// A number is given to another file when its own is gone, but not with the same time of birth: one is noted only of a file that
/// was born a while before, so whoever is born later is so at another time.
final class SeenHandles: Sendable {
    struct Known {
        let handle: FileHandle
        fileprivate let fileID: UInt64
        fileprivate let born: linux_time

        /// Whether this is the filehandle of the file that has `status`.
        func isOf(_ status: linux_status) -> Bool {
            status.is_born_known && status.inode == fileID && status.born.seconds == born.seconds
                && status.born.nanoseconds == born.nanoseconds
        }
    }

    /// Places of one shard: a file has one by its number, and takes it from the one before.
    private static let capacity = 64

    private static var shardSize: Int { capacity * MemoryLayout<Known?>.stride }

    private let memory: CacheMemory

    init(_ memory: CacheMemory) { self.memory = memory }

    deinit {
        for shard in shards where !shard.places.withLock(\.isEmpty) { memory.give(back: Self.shardSize) }
    }

    private final class Shard: Sendable {
        /// Empty until the first file is noted, and as long as there is no memory for them.
        let places = Mutex<[Known?]>([])
    }

    private let shards = (0..<256).map { _ in Shard() }

    private func shard(of fileID: UInt64) -> Shard { shards[Int(fileID % 256)] }

    private func place(of fileID: UInt64) -> Int { Int(fileID / 256 % UInt64(Self.capacity)) }

    /// What was noted of the file, or one before it, that has the number `fileID`.
    func find(_ fileID: UInt64) -> Known? {
        shard(of: fileID).places.withLock { places in
            guard !places.isEmpty, let known = places[place(of: fileID)], known.fileID == fileID else { return nil }
            return known
        }
    }

    /// Notes the filehandle of the file that has `status`.
    func note(_ handle: FileHandle, of status: linux_status) {
        guard status.is_born_known, !status.is_mount_root, !status.born.isRecent else { return }
        shard(of: status.inode).places.withLock { places in
            if places.isEmpty {
                guard memory.take(Self.shardSize) else { return }
                places = Array(repeating: nil, count: Self.capacity)
            }
            places[place(of: status.inode)] = Known(handle: handle, fileID: status.inode, born: status.born)
        }
    }
}

extension linux_time {
    /// More than a tick of the slowest clock of a kernel, and one more to be sure, in nanoseconds.
    static let recently: Int64 = 20_000_000

    /// Nanoseconds that have gone by since.
    var age: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return (Int64(now.tv_sec) - seconds) * 1_000_000_000 + Int64(now.tv_nsec) - Int64(nanoseconds)
    }

    var isRecent: Bool { age < Self.recently }
}
