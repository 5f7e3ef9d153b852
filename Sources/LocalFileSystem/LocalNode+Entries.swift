import CLinux
import FileSystem
import Glibc
import NFSProtocol

extension LocalNode {
    /// Added to the kernel's positions, so that none becomes a cookie the protocol reserves (RFC 8881 §18.23.3).
    private static let firstCookie: UInt64 = 3

    /// Bytes of entries taken from the kernel at once: about a hundred of them. Those behind the end of a reply are read again
    /// for the next one.
    private static let bufferSize = 4 * 1024

    func entries(
        after cookie: UInt64, _ caller: Caller, _ body: (borrowing DirectoryEntry, Glimpse) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool {
        try requireDirectory()
        let start = try Self.position(after: cookie)
        let directory = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        guard try permits(R_OK, directory) else { throw .access }
        let maySearch = try permits(X_OK, directory)

        var listing = try listing(of: directory, mayBlock: caller.mayBlock)
        if listing.position != start {
            let sought = linux_seek(listing.descriptor.number, start)
            guard sought >= 0 else { throw sought == -Int64(EINVAL) ? .badCookie : SystemError(code: Int32(-sought)).status }
            listing.position = start
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            let filled = linux_read_directory(listing.descriptor.number, buffer.baseAddress, buffer.count)
            // A directory that was removed has nothing more to say, and READDIR no NOENT (§15.2).
            guard filled != -Int(ENOENT) else { throw .stale }
            try require(filled)
            if filled == 0 {
                keepListing(listing)
                return true
            }
            let part = UnsafeRawBufferPointer(rebasing: buffer[..<filled])
            let goesOn = try Self.forEachEntry(in: part, &listing.position) { entry throws(NFSStatus) in
                // An error means that it cannot be seen either.
                if HiddenFiles.isDirectoryName(entry.name), (try? isHidden(entry.name, in: directory, caller)) ?? true { return true }
                let (name, fileID) = (entry.name, entry.fileID)
                return try body(entry) { () throws(NFSStatus) in
                    guard maySearch else { throw .access }
                    return try glimpse(name, fileID, in: directory, caller)
                }
            }
            guard goesOn else {
                keepListing(listing)
                return false
            }
        }
    }

    /// Looks at the entry `name`, of which the kernel told the number.
    private func glimpse(
        _ name: FileName, _ fileID: UInt64, in directory: Descriptor, _ caller: Caller
    ) throws(NFSStatus) -> (node: any Node, attributes: FileAttributes) {
        let known = volume.seenHandles.find(fileID)
        // A file in use is looked at by its descriptor: that is cheaper, and it knows of changes under way. Not so directories,
        // on which something may be mounted.
        if let known, let node = volume.cache.find(known.handle), node.type != .directory, let descriptor = node.keptDescriptor {
            let (status, change) = try node.status(through: descriptor)
            if status.links > 0, status.inode == fileID { return (node, node.attributes(status, change)) }
        }
        try volume.act(as: caller.credentials)
        var status = linux_status()
        let handle: FileHandle
        do throws(SystemError) {
            try check(name.withCString { linux_status_at(directory.number, $0, &status) })
            if let known, known.isOf(status) {
                handle = known.handle
            } else {
                handle = try KernelHandle(of: name, in: directory.number, &status).handle(of: volume.identity)
                volume.seenHandles.note(handle, of: status)
            }
        } catch {
            guard error.code == EAGAIN else { throw error.status }
            return try lookAt(name, caller)
        }
        // What changed just now may change again at the same time by a clock that ticks: then the change attribute needs
        // somebody to count, which is the node of a file in use.
        guard !status.is_mount_root, !status.changed.isRecent else { return try lookAt(name, caller) }
        guard let type = FileType(mode: status.mode) else { throw .noent }
        let node = volume.cache.find(handle) ?? LocalNode(handle, type, in: volume)
        return (node, node.attributes(status, node.change(status)))
    }

    private func lookAt(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> (node: any Node, attributes: FileAttributes) {
        let node = try lookup(name, caller)
        return (node, try node.attributes(caller))
    }

    /// Calls `body` with the entries behind where `descriptor` stands until it returns false.
    static func readEntries(of descriptor: Descriptor, _ body: (borrowing DirectoryEntry) -> Bool) throws(NFSStatus) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 8)
        defer { buffer.deallocate() }
        var position: Int64 = 0
        while case let filled = try require(linux_read_directory(descriptor.number, buffer.baseAddress, buffer.count)), filled > 0 {
            let part = UnsafeRawBufferPointer(rebasing: buffer[..<filled])
            guard try forEachEntry(in: part, &position, body) else { return }
        }
    }

    /// Calls `body` with the entries in `buffer` until it returns false.
    /// - Parameter position: set to where the kernel stands behind all of them.
    /// - Returns: whether `body` took all.
    private static func forEachEntry(
        in buffer: UnsafeRawBufferPointer, _ position: inout Int64, _ body: (borrowing DirectoryEntry) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool {
        var offset = 0
        var goesOn = true
        while offset < buffer.count {
            let entry = linux_entry_at(buffer.baseAddress! + offset)
            offset += entry.record_length
            position = entry.next
            guard goesOn else { continue }
            let bytes = UnsafeRawBufferPointer(start: entry.name, count: entry.name_length)
            // Fails for `.` and `..` alone, which are not to be listed.
            guard let name = try? FileName(validating: bytes.bytes) else { continue }
            let cookie = UInt64(bitPattern: entry.next) &+ firstCookie
            goesOn = try body(DirectoryEntry(cookie: cookie, name: name, fileID: entry.inode))
        }
        return goesOn
    }

    /// The kernel's position behind `cookie`.
    /// - Throws: `badCookie` for one that was never given out.
    private static func position(after cookie: UInt64) throws(NFSStatus) -> Int64 {
        guard cookie != 0 else { return 0 }
        guard cookie >= firstCookie, let position = Int64(exactly: cookie - firstCookie) else { throw .badCookie }
        return position
    }

    /// A descriptor to read entries through, of this call alone: its position is its state.
    private func listing(of directory: Descriptor, mayBlock: Bool) throws(NFSStatus) -> Listing {
        if let listing = takeListing() { return listing }
        // Never read before, or read by another thread right now: the device may be needed.
        guard mayBlock else { throw .wouldBlock }
        try volume.actAsSuperuser()
        do throws(SystemError) {
            let descriptor = try volume.open(for: .read, mayBlock: true) { linux_reopen(directory.number, O_RDONLY | O_DIRECTORY) }
            return Listing(descriptor: descriptor, position: 0)
        } catch {
            throw error.status
        }
    }
}
