import FileSystem
import NFSProtocol

/// One file of a `MemoryFileSystem`.
struct Inode {
    let number: UInt64
    var mode: UInt32
    var owner: UInt32
    var group: UInt32
    var links: UInt32
    var content: Content
    /// How many have it open: it stays while its last name is gone but this is not 0.
    var opens = 0
    var change: UInt64
    var accessTime: Timestamp
    var modifyTime: Timestamp
    var metadataTime: Timestamp
    let createTime: Timestamp

    enum Content {
        case regular([UInt8])
        case directory(Directory)
        case symbolicLink([UInt8])
        case blockDevice(DeviceNumber)
        case characterDevice(DeviceNumber)
        case socket
        case fifo
    }

    var type: FileType {
        switch content {
        case .regular: .regular
        case .directory: .directory
        case .symbolicLink: .symbolicLink
        case .blockDevice: .blockDevice
        case .characterDevice: .characterDevice
        case .socket: .socket
        case .fifo: .fifo
        }
    }

    var size: UInt64 {
        switch content {
        case .regular(let bytes), .symbolicLink(let bytes): UInt64(bytes.count)
        case .directory(let directory): UInt64(directory.count)
        case .blockDevice, .characterDevice, .socket, .fifo: 0
        }
    }

    private var device: DeviceNumber {
        switch content {
        case .blockDevice(let device), .characterDevice(let device): device
        case .regular, .directory, .symbolicLink, .socket, .fifo: DeviceNumber()
        }
    }

    var attributes: FileAttributes {
        FileAttributes(
            type: type, mode: mode, linkCount: links, owner: owner, group: group, size: size, spaceUsed: size, device: device,
            fileID: number, change: change, accessTime: accessTime, modifyTime: modifyTime, metadataTime: metadataTime,
            createTime: createTime)
    }

    /// Whether `user` has all the rights in `permission`.
    func permits(_ permission: Permission, _ user: Credentials) -> Bool {
        if user.uid == 0 {
            // The superuser may do everything, but execute only what somebody may.
            return !permission.contains(.execute) || type == .directory || mode & 0o111 != 0
        }
        let shift: UInt32 = user.uid == owner ? 6 : user.belongs(to: group) ? 3 : 0
        return Permission(rawValue: mode >> shift & 7).isSuperset(of: permission)
    }

    /// - Throws: `access`.
    func require(_ permission: Permission, _ user: Credentials) throws(NFSStatus) {
        guard permits(permission, user) else { throw .access }
    }

    /// The directory in here.
    /// - Throws: `notdir`, `symlink`.
    var directory: Directory {
        get throws(NFSStatus) {
            switch content {
            case .directory(let directory): return directory
            case .symbolicLink: throw .symlink
            default: throw .notdir
            }
        }
    }

    /// The permission bits of one class of users.
    struct Permission: OptionSet {
        let rawValue: UInt32

        static let read = Permission(rawValue: 4)
        static let write = Permission(rawValue: 2)
        static let execute = Permission(rawValue: 1)
    }
}

/// The names in a directory. Each got a number when it was added, larger than all before: entries come in that order, and
/// neither coming nor going of others moves them.
struct Directory {
    /// The number of the directory above; its own for the root.
    var parent: UInt64
    private var entries: [(cookie: UInt64, name: FileName, inode: UInt64)] = []
    private var inodes: [FileName: UInt64] = [:]
    /// The protocol reserves those below (RFC 8881 §18.23.3).
    private var nextCookie: UInt64 = 3

    init(parent: UInt64) { self.parent = parent }

    var count: Int { entries.count }

    subscript(name: FileName) -> UInt64? { inodes[name] }

    mutating func add(_ name: FileName, _ inode: UInt64) {
        inodes[name] = inode
        entries.append((nextCookie, name, inode))
        nextCookie += 1
    }

    mutating func remove(_ name: FileName) {
        inodes[name] = nil
        entries.removeAll { $0.name == name }
    }

    /// Up to `count` entries behind `cookie`.
    func entries(after cookie: UInt64, count: Int) -> [DirectoryEntry] {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].cookie <= cookie { low = middle + 1 } else { high = middle }
        }
        return entries[low...].prefix(count).map { DirectoryEntry(cookie: $0.cookie, name: $0.name, fileID: $0.inode) }
    }
}

extension Credentials {
    func belongs(to group: UInt32) -> Bool { gid == group || groups.contains(group) }
}
