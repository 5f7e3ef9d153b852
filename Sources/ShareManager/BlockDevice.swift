import CBlkid
import CLinux
import Foundation

/// A block device and what is on it.
struct BlockDevice: Sendable, Equatable {
    let path: String

    /// What libblkid finds on it.
    enum Content: Equatable {
        /// No signature of anything. Not the same as blank.
        case nothing
        case fileSystem(String)
        case encrypted(version: String)
        /// Something nobody can mount.
        case other(String)
    }

    /// Looks for the signatures of file systems, containers and partition tables.
    /// - Throws: when it cannot be read, and when there is more than one signature.
    func content() throws(ShareError) -> Content {
        guard let probe = blkid_new_probe_from_filename(path) else { throw unreadable(errno) }
        defer { blkid_free_probe(probe) }
        blkid_probe_enable_superblocks(probe, 1)
        blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_VERSION)
        blkid_probe_enable_partitions(probe, 1)
        errno = 0
        switch blkid_do_safeprobe(probe) {
        case 0: break
        case 1: return .nothing
        case -2: throw ShareError("\(path) has the signatures of several file systems: look what it is, and wipe what it is not (wipefs)")
        default: throw unreadable(errno)
        }
        guard let type = Self.value("TYPE", of: probe) else {
            return .other("a partition table (\(Self.value("PTTYPE", of: probe) ?? "of an unknown kind"))")
        }
        if type == "crypto_LUKS" { return .encrypted(version: Self.value("VERSION", of: probe) ?? "") }
        return Self.value("USAGE", of: probe) == "filesystem" ? .fileSystem(type) : .other(type)
    }

    private static func value(_ name: String, of probe: blkid_probe) -> String? {
        var text: UnsafePointer<CChar>?
        return blkid_probe_lookup_value(probe, name, &text, nil) == 0 ? text.map { String(cString: $0) } : nil
    }

    /// Whether it holds nothing but zeros from the byte `start` on, as a volume does that was never written to: all of a small device, and
    /// of a large one its beginning and end, where file systems keep what they cannot do without, and much in between.
    /// - Throws: when any of it cannot be read.
    func isZero(from start: Int = 0) throws(ShareError) -> Bool {
        let device = open(path, O_RDONLY | O_CLOEXEC)
        guard device >= 0 else { throw unreadable(errno) }
        defer { close(device) }
        let size = Int(lseek(device, 0, SEEK_END))
        guard size > 0 else { throw ShareError("\(path) has no size: check the volume it is the device of") }
        // What this machine remembers may not be what is there now, and nothing more is to be read than is looked at.
        posix_fadvise(device, 0, 0, POSIX_FADV_DONTNEED)
        posix_fadvise(device, 0, 0, POSIX_FADV_RANDOM)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let stride = size / Self.samples
        var offset = start
        while offset < size {
            let isAtEdge = offset < start + Self.edge || offset + stride > size - Self.edge
            let wanted = isAtEdge ? buffer.count : Self.sample
            let count = buffer.withUnsafeMutableBytes { pread(device, $0.baseAddress, wanted, off_t(offset)) }
            guard count > 0 else { throw unreadable(count < 0 ? errno : EIO) }
            // Each byte is like the one before, and the first is zero.
            let isZero = buffer.withUnsafeBytes { $0[0] == 0 && memcmp($0.baseAddress!, $0.baseAddress! + 1, count - 1) == 0 }
            guard isZero else { return false }
            offset += isAtEdge ? count : max(count, stride)
        }
        return true
    }

    /// What is read as a whole at the beginning and the end, in bytes: the first copy of ext4's superblock lies at 128 MiB.
    private static let edge = 160 << 20
    /// How many places in between are looked at, and how much of each, in bytes.
    private static let samples = 2048
    private static let sample = 64 << 10

    private func unreadable(_ code: Int32) -> ShareError {
        let reason = String(cString: strerror(code == 0 ? EIO : code))
        return ShareError("\(path) cannot be read (\(reason)), and is left as it is: check the volume and its replicas")
    }
}

extension BlockDevice {
    /// Its number, which another device that comes to its place does not have while it is in use; nil when it is not there.
    var number: UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_rdev) : nil
    }

    /// Whether it is still the device of this number and can be read. It is asked itself, whatever this machine remembers of it.
    /// Returns when it answers.
    func answers(as number: UInt64) async -> Bool {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: answersBlocking(as: number)) }
        }
    }

    private func answersBlocking(as number: UInt64) -> Bool {
        let device = linux_open_direct(path)
        guard device >= 0 else { return Self.failuresOfOurOwn.contains(-device) }
        defer { close(device) }
        guard self.number == number else { return false }
        let block = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
        defer { block.deallocate() }
        let count = pread(device, block, 4096, 0)
        // A device that lost its disk may have a size of zero.
        return count > 0 || count < 0 && Self.failuresOfOurOwn.contains(errno)
    }

    /// Failures that say nothing about the device.
    private static let failuresOfOurOwn: Set<Int32> = [EMFILE, ENFILE, ENOMEM, EINTR]

    /// Returns when the device is there and can be opened, at once if it is.
    static func wait(for path: String) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread { continuation.resume(with: Result { try waitBlocking(for: path) }) }
        }
    }

    private static func waitBlocking(for path: String) throws {
        let watch = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        guard watch >= 0 else {
            throw ShareError("cannot wait for \(path) (inotify: \(String(cString: strerror(errno)))): raise fs.inotify.max_user_instances")
        }
        defer { close(watch) }
        while true {
            // Watched first, looked for then: nothing that happens in between is missed. The directory may have to come first as well.
            for directory in directories(above: path) { inotify_add_watch(watch, directory, UInt32(IN_CREATE | IN_MOVED_TO | IN_ATTRIB)) }
            let device = open(path, O_RDONLY | O_CLOEXEC)
            if device >= 0 {
                close(device)
                return
            }
            // A node whose device is not ready yet says nothing when it is.
            var event = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
            poll(&event, 1, errno == ENOENT ? -1 : 500)
            var buffer = [UInt8](repeating: 0, count: 4096)
            while read(watch, &buffer, buffer.count) > 0 {}
        }
    }

    private static func directories(above path: String) -> [String] {
        let names = path.split(separator: "/").dropLast()
        return names.indices.map { "/" + names[...$0].joined(separator: "/") }
    }
}
