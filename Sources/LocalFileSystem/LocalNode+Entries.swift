import CLinux
import FileSystem
import Glibc
import NFSProtocol

extension LocalNode {
    /// Added to the kernel's positions, so that none becomes a cookie the protocol reserves (RFC 8881 §18.23.3).
    private static let firstCookie: UInt64 = 3

    /// Bytes of entries taken from the kernel at once: some hundreds of them.
    private static let bufferSize = 32 * 1024

    func entries(
        after cookie: UInt64, _ caller: Caller, _ body: (borrowing DirectoryEntry) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool {
        try requireDirectory()
        let start = try Self.position(after: cookie)
        let directory = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        guard try permits(R_OK, directory) else { throw .access }

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
                return try body(entry)
            }
            guard goesOn else {
                keepListing(listing)
                return false
            }
        }
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
