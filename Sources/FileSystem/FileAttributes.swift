import NFSProtocol

/// What a file system knows of a file, taken at one moment.
package struct FileAttributes: Sendable {
    package var type: FileType
    /// Permission bits with set-uid, set-gid and sticky: the low 12 bits of st_mode.
    package var mode: UInt32
    package var linkCount: UInt32
    package var owner: UInt32
    package var group: UInt32
    /// Bytes in the file.
    package var size: UInt64
    /// Bytes of storage the file takes.
    package var spaceUsed: UInt64
    /// Major and minor number of a device file, 0 otherwise.
    package var device: DeviceNumber
    /// The inode number.
    package var fileID: UInt64
    /// Moves with every change of data or metadata (RFC 8881 §5.8.1.4).
    package var change: UInt64
    package var accessTime: Timestamp
    package var modifyTime: Timestamp
    /// When data or metadata last changed (ctime).
    package var metadataTime: Timestamp
    /// When the file was made; nil where the file system does not keep it.
    package var createTime: Timestamp?

    package init(
        type: FileType, mode: UInt32, linkCount: UInt32, owner: UInt32, group: UInt32, size: UInt64, spaceUsed: UInt64,
        device: DeviceNumber, fileID: UInt64, change: UInt64, accessTime: Timestamp, modifyTime: Timestamp,
        metadataTime: Timestamp, createTime: Timestamp?
    ) {
        self.type = type
        self.mode = mode
        self.linkCount = linkCount
        self.owner = owner
        self.group = group
        self.size = size
        self.spaceUsed = spaceUsed
        self.device = device
        self.fileID = fileID
        self.change = change
        self.accessTime = accessTime
        self.modifyTime = modifyTime
        self.metadataTime = metadataTime
        self.createTime = createTime
    }
}

/// specdata4: the numbers of a device (RFC 8881 §3.3.2).
package struct DeviceNumber: Equatable, Sendable {
    package var major: UInt32
    package var minor: UInt32

    package init(major: UInt32 = 0, minor: UInt32 = 0) {
        self.major = major
        self.minor = minor
    }
}

/// What to set on a file; nil leaves a value as it is.
package struct AttributeChanges: Sendable {
    /// A time to set: the server's clock or the client's (settime4, RFC 8881 §3.3.4).
    package enum Time: Equatable, Sendable {
        case now
        case at(Timestamp)
    }

    package var size: UInt64?
    package var mode: UInt32?
    package var owner: UInt32?
    package var group: UInt32?
    /// The access control list; it gives the file another mode (RFC 8881 §6.4.1.2).
    package var acl: [AccessControlEntry]?
    package var accessTime: Time?
    package var modifyTime: Time?

    package init(
        size: UInt64? = nil, mode: UInt32? = nil, owner: UInt32? = nil, group: UInt32? = nil, acl: [AccessControlEntry]? = nil,
        accessTime: Time? = nil, modifyTime: Time? = nil
    ) {
        self.size = size
        self.mode = mode
        self.owner = owner
        self.group = group
        self.acl = acl
        self.accessTime = accessTime
        self.modifyTime = modifyTime
    }

    package var isEmpty: Bool {
        size == nil && mode == nil && owner == nil && group == nil && acl == nil && accessTime == nil && modifyTime == nil
    }
}

/// How full a file system is and what it can hold.
package struct FileSystemStatistics: Sendable {
    /// Bytes free to ordinary users, free to the superuser, and in all.
    package var bytesAvailable: UInt64
    package var bytesFree: UInt64
    package var bytesTotal: UInt64
    /// File slots (inodes) free to ordinary users, free to the superuser, and in all.
    package var filesAvailable: UInt64
    package var filesFree: UInt64
    package var filesTotal: UInt64
    /// The largest file in bytes.
    package var maximumFileSize: UInt64
    /// The most hard links a file can have.
    package var maximumLinks: UInt32
    /// The longest name in bytes.
    package var maximumNameLength: UInt32

    package init(
        bytesAvailable: UInt64, bytesFree: UInt64, bytesTotal: UInt64, filesAvailable: UInt64, filesFree: UInt64,
        filesTotal: UInt64, maximumFileSize: UInt64, maximumLinks: UInt32, maximumNameLength: UInt32
    ) {
        self.bytesAvailable = bytesAvailable
        self.bytesFree = bytesFree
        self.bytesTotal = bytesTotal
        self.filesAvailable = filesAvailable
        self.filesFree = filesFree
        self.filesTotal = filesTotal
        self.maximumFileSize = maximumFileSize
        self.maximumLinks = maximumLinks
        self.maximumNameLength = maximumNameLength
    }
}
