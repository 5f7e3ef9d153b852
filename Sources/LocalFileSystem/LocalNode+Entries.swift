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
        let known = try knownEntries(of: directory, mayBlock: caller.mayBlock)
        var filesInUse = known?.filesInUse ?? []
        func visit(_ entry: borrowing DirectoryEntry, _ index: Int?) throws(NFSStatus) -> Bool {
            // An error means that it cannot be seen either.
            if HiddenFiles.isDirectoryName(entry.name), (try? isHidden(entry.name, in: directory, caller)) ?? true { return true }
            let (name, fileID) = (entry.name, entry.fileID)
            return try body(entry) { () throws(NFSStatus) in
                guard maySearch else { throw .access }
                if let index, let node = filesInUse[index], let attributes = try node.glimpse(expecting: fileID) {
                    return (node, attributes)
                }
                guard let (node, attributes) = try glimpse(inUse: fileID) else { return try glimpse(name, fileID, in: directory, caller) }
                if let index { filesInUse[index] = node }
                return (node, attributes)
            }
        }

        if let known, var walk = known.walk(behind: start) {
            defer { known.note(filesInUse) }
            return try Self.forEachEntry(in: known.records, &walk) { entry, index throws(NFSStatus) in try visit(entry, index) }
        }
        return try readRecords(behind: start, through: directory, mayBlock: caller.mayBlock) { records, position throws(NFSStatus) in
            var walk = Walk(position: position)
            defer { position = walk.position }
            return try Self.forEachEntry(in: records, &walk) { entry, _ throws(NFSStatus) in try visit(entry, nil) }
        }
    }

    /// The entries of this directory if it is not too large to keep them and was not changed just now.
    private func knownEntries(of directory: Descriptor, mayBlock: Bool) throws(NFSStatus) -> KnownEntries? {
        var status = linux_status()
        try require(linux_status(directory.number, &status))
        if let known = volume.knownDirectories.entries(of: handle, status) { return known }
        guard status.size <= KnownDirectories.largestDirectory, status.changed.age > max(linux_time.recently, 2 * Int64(volume.ctimeStep))
        else { return nil }
        var records: [UInt8] = []
        var walk = Walk()
        let isWhole = try readRecords(behind: 0, through: directory, mayBlock: mayBlock) { part, position throws(NFSStatus) in
            records.append(contentsOf: part)
            _ = try Self.forEachEntry(in: part, &walk) { _, _ in true }
            (position, walk.offset) = (walk.position, 0)
            return KnownEntries.size(records: records.count, count: walk.index) <= volume.knownDirectories.largest
        }
        guard isWhole else { return nil }
        let known = KnownEntries(records, count: walk.index, changed: status.changed)
        volume.knownDirectories.keep(known, of: handle)
        return known
    }

    /// Looks at the file that has a number if it is in use: by its descriptor, which is cheaper than by name, and knows of changes
    /// under way. Not so directories, on which something may be mounted.
    private func glimpse(inUse fileID: UInt64) throws(NFSStatus) -> (node: LocalNode, attributes: FileAttributes)? {
        guard let known = volume.seenHandles.find(fileID), let node = volume.cache.find(known.handle), node.type != .directory,
            let attributes = try node.glimpse(expecting: fileID)
        else { return nil }
        return (node, attributes)
    }

    /// Looks at the entry `name`, of which the kernel told the number.
    private func glimpse(
        _ name: FileName, _ fileID: UInt64, in directory: Descriptor, _ caller: Caller
    ) throws(NFSStatus) -> (node: any Node, attributes: FileAttributes) {
        let known = volume.seenHandles.find(fileID)
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
        while case let filled = try require(linux_read_directory(descriptor.number, buffer.baseAddress, buffer.count)), filled > 0 {
            var walk = Walk()
            let part = UnsafeRawBufferPointer(rebasing: buffer[..<filled])
            guard try forEachEntry(in: part, &walk, { entry, _ in body(entry) }) else { return }
        }
    }

    /// Calls `body` with what getdents64 writes of the entries behind `start` until it returns false. It leaves where the kernel
    /// stands behind them in its second argument.
    /// - Returns: whether the end of the directory was reached.
    private func readRecords(
        behind start: Int64, through directory: Descriptor, mayBlock: Bool,
        _ body: (UnsafeRawBufferPointer, inout Int64) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool {
        var listing = try listing(of: directory, mayBlock: mayBlock)
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
            guard filled > 0, try body(UnsafeRawBufferPointer(rebasing: buffer[..<filled]), &listing.position) else {
                keepListing(listing)
                return filled == 0
            }
        }
    }

    /// How far somebody got with the entries that getdents64 wrote.
    struct Walk {
        var offset = 0
        /// How many entries were passed, `.` and `..` among them.
        var index = 0
        /// Where the kernel stands behind them.
        var position: Int64 = 0

        mutating func pass(_ entry: linux_entry) {
            self = Walk(offset: offset + entry.record_length, index: index + 1, position: entry.next)
        }
    }

    /// Calls `body` with the entries in `records` and their places until it returns false. `walk` is at the end in any case.
    /// - Returns: whether `body` took all.
    private static func forEachEntry(
        in records: UnsafeRawBufferPointer, _ walk: inout Walk, _ body: (borrowing DirectoryEntry, Int) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool {
        var goesOn = true
        while walk.offset < records.count {
            let entry = linux_entry_at(records.baseAddress! + walk.offset)
            let index = walk.index
            walk.pass(entry)
            guard goesOn else { continue }
            let bytes = UnsafeRawBufferPointer(start: entry.name, count: entry.name_length)
            // Fails for `.` and `..` alone, which are not to be listed.
            guard let name = try? FileName(validating: bytes.bytes) else { continue }
            let cookie = UInt64(bitPattern: entry.next) &+ firstCookie
            goesOn = try body(DirectoryEntry(cookie: cookie, name: name, fileID: entry.inode), index)
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
