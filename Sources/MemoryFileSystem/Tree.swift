import FileSystem
import Glibc
import NFSProtocol

/// All files of a `MemoryFileSystem`, by inode number. Numbers are not used twice.
struct Tree {
    static let rootNumber: UInt64 = 2
    /// The largest file in bytes, as memory is what it takes.
    static let maximumFileSize = 64 * 1024 * 1024
    /// The most names a file can have: few enough for a test to reach.
    static let maximumLinks: UInt32 = 1000

    private(set) var inodes: [UInt64: Inode] = [:]
    private var lastNumber = Tree.rootNumber
    private var lastChange: UInt64 = 1

    init() {
        let now = Self.now()
        inodes[Self.rootNumber] = Inode(
            number: Self.rootNumber, mode: 0o755, owner: 0, group: 0, links: 2, content: .directory(Directory(parent: Self.rootNumber)),
            change: 1, accessTime: now, modifyTime: now, metadataTime: now, createTime: now)
    }

    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    }

    func inode(_ number: UInt64) throws(NFSStatus) -> Inode {
        guard let inode = inodes[number] else { throw .stale }
        return inode
    }

    /// Changes an inode, its change attribute and its ctime.
    private mutating func update(_ number: UInt64, modifiesData: Bool = false, _ body: (inout Inode) -> Void) {
        lastChange += 1
        let now = Self.now()
        guard var inode = inodes[number] else { return }
        // Taken out while it is changed, so that its content is not copied.
        inodes[number] = nil
        body(&inode)
        inode.change = lastChange
        inode.metadataTime = now
        if modifiesData { inode.modifyTime = now }
        inodes[number] = inode
    }

    // MARK: Names

    /// The entry `name` of a directory the user may search.
    private func find(_ name: FileName, in number: UInt64, _ user: Credentials) throws(NFSStatus) -> Inode? {
        let inode = try inode(number)
        let directory = try inode.directory
        try inode.require(.execute, user)
        guard let found = directory[name] else { return nil }
        return try self.inode(found)
    }

    func lookup(_ name: FileName, in number: UInt64, _ user: Credentials) throws(NFSStatus) -> Inode {
        guard let found = try find(name, in: number, user) else { throw .noent }
        return found
    }

    func parent(of number: UInt64, _ user: Credentials) throws(NFSStatus) -> Inode? {
        let inode = try inode(number)
        let directory = try inode.directory
        try inode.require(.execute, user)
        return number == Self.rootNumber ? nil : try self.inode(directory.parent)
    }

    func entries(after cookie: UInt64, of number: UInt64, _ user: Credentials) throws(NFSStatus) -> [DirectoryEntry] {
        let inode = try inode(number)
        let directory = try inode.directory
        try inode.require(.read, user)
        return directory.entries(after: cookie, count: 64)
    }

    /// What matters of a directory for a change of its entries, which the user must have the right to.
    private func changeable(_ number: UInt64, _ user: Credentials) throws(NFSStatus) -> (mode: UInt32, group: UInt32, change: UInt64) {
        let inode = try inode(number)
        try inode.require([.write, .execute], user)
        return (inode.mode, inode.group, inode.change)
    }

    /// Changes the entries of a directory.
    private mutating func change(_ number: UInt64, _ body: (inout Directory) -> Void) {
        update(number, modifiesData: true) { inode in
            guard case .directory(var directory) = inode.content else { return }
            // Taken out while it is changed, so that it is not copied.
            inode.content = .socket
            body(&directory)
            inode.content = .directory(directory)
        }
    }

    private func changeInfo(_ number: UInt64, since before: UInt64) throws(NFSStatus) -> ChangeInfo {
        ChangeInfo(atomic: true, before: before, after: try inode(number).change)
    }

    mutating func create(
        _ name: FileName, in number: UInt64, _ content: Inode.Content, _ changes: AttributeChanges, _ user: Credentials
    ) throws(NFSStatus) -> (inode: Inode, change: ChangeInfo) {
        guard try find(name, in: number, user) == nil else { throw .exist }
        let (parentMode, parentGroup, before) = try changeable(number, user)
        switch content {
        // As on Linux, devices are the superuser's to make.
        case .blockDevice, .characterDevice: guard user.uid == 0 else { throw .perm }
        case .regular: break
        default: guard changes.size == nil else { throw .inval }
        }
        let isDirectory = if case .directory = content { true } else { false }
        let inheritsGroup = parentMode & 0o2000 != 0
        let isLink = if case .symbolicLink = content { true } else { false }
        var mode = isLink ? 0o777 : (changes.mode ?? (isDirectory ? 0o700 : 0o600)) & 0o7777
        let group = inheritsGroup ? parentGroup : user.gid
        if !user.maySetGroupID(of: group), isDirectory || mode & 0o010 != 0 { mode &= ~0o2000 }
        if isDirectory, inheritsGroup { mode |= 0o2000 }
        lastNumber += 1
        lastChange += 1
        let now = Self.now()
        let inode = Inode(
            number: lastNumber, mode: mode, owner: user.uid, group: group, links: isDirectory ? 2 : 1,
            content: content, change: lastChange, accessTime: now, modifyTime: now, metadataTime: now, createTime: now)
        inodes[inode.number] = inode
        var rest = changes
        rest.mode = nil
        do throws(NFSStatus) {
            // Who makes a file may set its first size whatever its mode.
            if let size = rest.size { try setSize(of: inode.number, size, user) }
            rest.size = nil
            if rest.owner == inode.owner { rest.owner = nil }
            if rest.group == inode.group { rest.group = nil }
            if rest.owner != nil || rest.group != nil { rest.mode = changes.mode }
            try setAttributes(of: inode.number, rest, user)
        } catch {
            inodes[inode.number] = nil
            throw error
        }
        if isDirectory { update(number) { $0.links += 1 } }
        change(number) { $0.add(name, inode.number) }
        return (try self.inode(inode.number), try changeInfo(number, since: before))
    }

    mutating func link(_ file: UInt64, as name: FileName, in number: UInt64, _ user: Credentials) throws(NFSStatus) -> ChangeInfo {
        let linked = try inode(file)
        _ = try inode(number).directory
        guard linked.type != .directory else { throw .isdir }
        guard linked.links > 0 else { throw .stale }
        guard try find(name, in: number, user) == nil else { throw .exist }
        let before = try changeable(number, user).change
        guard linked.links < Self.maximumLinks else { throw .mlink }
        update(file) { $0.links += 1 }
        change(number) { $0.add(name, file) }
        return try changeInfo(number, since: before)
    }

    mutating func remove(_ name: FileName, in number: UInt64, _ user: Credentials) throws(NFSStatus) -> ChangeInfo {
        let removed = try lookup(name, in: number, user)
        try requireRemovable(removed, from: number, user)
        try requireEmpty(removed, else: .notempty)
        let before = try inode(number).change
        change(number) { $0.remove(name) }
        unlink(removed, from: number)
        return try changeInfo(number, since: before)
    }

    mutating func rename(
        _ name: FileName, in source: UInt64, to target: UInt64, as newName: FileName, _ user: Credentials
    ) throws(NFSStatus) -> (source: ChangeInfo, target: ChangeInfo) {
        _ = (try inode(source).directory, try inode(target).directory)
        let moved = try lookup(name, in: source, user)
        let replaced = try find(newName, in: target, user)
        let before = (source: try inode(source).change, target: try inode(target).change)
        if replaced?.number == moved.number {
            // Two names of one file: both stay (RFC 8881 §18.26.3).
            return (try changeInfo(source, since: before.source), try changeInfo(target, since: before.target))
        }
        // In the order Linux looks at them.
        if let replaced, (replaced.type == .directory) != (moved.type == .directory) { throw .exist }
        if moved.type == .directory { try requireOutside(target, of: moved.number, else: .inval) }
        if let replaced, replaced.type == .directory { try requireOutside(source, of: replaced.number, else: .exist) }
        try requireRemovable(moved, from: source, user)
        try inode(target).require([.write, .execute], user)
        if let replaced { try requireRemovable(replaced, from: target, user) }
        // Its `..` changes.
        if moved.type == .directory, source != target { try moved.require(.write, user) }
        if let replaced {
            try requireEmpty(replaced, else: .exist)
            change(target) { $0.remove(newName) }
            unlink(replaced, from: target)
        }
        change(source) { $0.remove(name) }
        change(target) { $0.add(newName, moved.number) }
        if moved.type == .directory, source != target {
            update(source) { $0.links -= 1 }
            update(target) { $0.links += 1 }
        }
        update(moved.number) { inode in
            guard case .directory(var directory) = inode.content else { return }
            directory.parent = target
            inode.content = .directory(directory)
        }
        return (try changeInfo(source, since: before.source), try changeInfo(target, since: before.target))
    }

    private func requireRemovable(_ removed: Inode, from number: UInt64, _ user: Credentials) throws(NFSStatus) {
        let parent = try inode(number)
        try parent.require([.write, .execute], user)
        let isSticky = parent.mode & 0o1000 != 0
        guard !isSticky || user.uid == 0 || user.uid == removed.owner || user.uid == parent.owner else { throw .access }
    }

    private func requireEmpty(_ inode: Inode, else status: NFSStatus) throws(NFSStatus) {
        guard case .directory(let directory) = inode.content, directory.count > 0 else { return }
        throw status
    }

    /// - Throws: `status` when `number` is `directory` or lies below it.
    private func requireOutside(_ number: UInt64, of directory: UInt64, else status: NFSStatus) throws(NFSStatus) {
        var ancestor = number
        while ancestor != Self.rootNumber {
            guard ancestor != directory else { throw status }
            ancestor = try inode(ancestor).directory.parent
        }
    }

    private mutating func unlink(_ inode: Inode, from parent: UInt64) {
        if inode.type == .directory { update(parent) { $0.links -= 1 } }
        update(inode.number) { $0.links = inode.type == .directory ? 0 : $0.links - 1 }
        dropIfUnused(inode.number)
    }

    private mutating func dropIfUnused(_ number: UInt64) {
        if let inode = inodes[number], inode.links == 0, inode.opens == 0 { inodes[number] = nil }
    }

    // MARK: Attributes

    mutating func setAttributes(of number: UInt64, _ changes: AttributeChanges, _ user: Credentials) throws(NFSStatus) {
        let inode = try inode(number)
        let isOwner = user.uid == 0 || user.uid == inode.owner
        if changes.size != nil {
            guard inode.type == .regular else { throw inode.type == .directory ? .isdir : .inval }
            try inode.require(.write, user)
        }
        if let owner = changes.owner, owner != inode.owner || !isOwner { guard user.uid == 0 else { throw .perm } }
        if let group = changes.group {
            guard user.uid == 0 || isOwner && (group == inode.group || user.belongs(to: group)) else { throw .perm }
        }
        if changes.mode != nil, inode.type != .symbolicLink { guard isOwner else { throw .perm } }
        for time in [changes.accessTime, changes.modifyTime] where time != nil && !isOwner {
            guard time == .now else { throw .perm }
            try inode.require(.write, user)
        }
        if let size = changes.size { try setSize(of: number, size, user) }
        guard changes.owner != nil || changes.group != nil || changes.mode != nil || changes.accessTime != nil || changes.modifyTime != nil
        else { return }
        update(number) { inode in
            if changes.owner != nil || changes.group != nil { inode.dropPrivileges(changedBy: user) }
            inode.owner = changes.owner ?? inode.owner
            inode.group = changes.group ?? inode.group
            if let mode = changes.mode, inode.type != .symbolicLink {
                inode.mode = mode & (user.maySetGroupID(of: inode.group) ? 0o7777 : 0o5777)
            }
            if let time = changes.accessTime { inode.accessTime = Self.time(time) }
            if let time = changes.modifyTime { inode.modifyTime = Self.time(time) }
        }
    }

    private static func time(_ time: AttributeChanges.Time) -> Timestamp {
        switch time {
        case .now: now()
        case .at(let timestamp): timestamp
        }
    }

    // MARK: Data

    mutating func open(_ number: UInt64) { inodes[number]?.opens += 1 }

    mutating func close(_ number: UInt64) {
        inodes[number]?.opens -= 1
        dropIfUnused(number)
    }

    /// Sets the size of a regular file, without a look at permissions.
    mutating func setSize(of number: UInt64, _ size: UInt64, _ user: Credentials) throws(NFSStatus) {
        guard size <= Self.maximumFileSize else { throw .fbig }
        _ = try inode(number)
        changeData(of: number, by: user) { $0.resize(to: Int(size)) }
    }

    mutating func write(_ bytes: [UInt8], to number: UInt64, at offset: UInt64, _ user: Credentials) throws(NFSStatus) {
        guard offset <= Self.maximumFileSize - min(bytes.count, Self.maximumFileSize), bytes.count <= Self.maximumFileSize else {
            throw .fbig
        }
        _ = try inode(number)
        let start = Int(offset)
        changeData(of: number, by: user) { data in
            if data.count < start + bytes.count { data.resize(to: start + bytes.count) }
            data.replaceSubrange(start..<start + bytes.count, with: bytes)
        }
    }

    private mutating func changeData(of number: UInt64, by user: Credentials, _ body: (inout [UInt8]) -> Void) {
        update(number, modifiesData: true) { inode in
            guard case .regular(var data) = inode.content else { return }
            inode.content = .socket
            body(&data)
            inode.content = .regular(data)
            inode.dropPrivileges(changedBy: user)
        }
    }
}

extension Inode {
    /// What was another's to run with his rights is not any more once somebody else changed it.
    fileprivate mutating func dropPrivileges(changedBy user: Credentials) {
        guard type == .regular, user.uid != 0 else { return }
        mode &= mode & 0o010 != 0 ? ~0o6000 : ~0o4000
    }
}

extension Credentials {
    /// Nobody can make programs run as a group he is not of.
    fileprivate func maySetGroupID(of group: UInt32) -> Bool { uid == 0 || belongs(to: group) }
}

extension [UInt8] {
    fileprivate mutating func resize(to size: Int) {
        if size < count { removeLast(count - size) } else { append(contentsOf: repeatElement(0, count: size - count)) }
    }
}
