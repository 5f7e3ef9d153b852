import NFSProtocol

/// One file of any type. The kernel, or what stands in for it, checks the caller's permission in every call that names a
/// caller, except for `attributes`.
package protocol Node: AnyObject, Sendable {
    /// Names this file for as long as it exists; opaque to all but its file system, at most 48 bytes.
    var handle: FileHandle { get }

    /// Never changes during the life of a file.
    var type: FileType { get }

    /// The file system this file lies on: that of its `FileSystem`, or one that is mounted inside and was entered.
    var fileSystemIdentity: FileSystemIdentity { get }

    /// What that file system keeps of its files and others do not.
    var fileSystemFeatures: FileSystemFeatures { get }

    /// Of the root of a file system mounted inside another, the number of the directory it covers; nil for any other file.
    var coveredFileID: UInt64? { get }

    /// A path the file was lately found at, for people to read; nil where nobody knows one.
    var knownPath: String? { get }

    /// How full the file system this file lies on is.
    func statistics(_ caller: Caller) throws(NFSStatus) -> FileSystemStatistics

    func attributes(_ caller: Caller) throws(NFSStatus) -> FileAttributes

    /// The access control list; one that says the same as the mode where nothing else was set (RFC 8881 §6.4.2).
    /// - Throws: `attrnotsupp` where the file system has none.
    func accessControlList(_ caller: Caller) throws(NFSStatus) -> [AccessControlEntry]

    /// Sets `changes`: the size first, then owner, mode, access control list and times. What was set before one of them is
    /// refused stays set.
    /// - Throws: `wrongType` when a size is set on what is no regular file; `attrnotsupp` for an access control list that cannot
    ///   be kept.
    func setAttributes(_ changes: AttributeChanges, _ caller: Caller) throws(NFSStatus)

    /// The rights among `wanted` the caller has.
    func access(_ wanted: AccessRights, _ caller: Caller) throws(NFSStatus) -> AccessRights

    /// The entry `name` of this directory. Symbolic links are not followed.
    /// - Throws: `notdir` when this is no directory, `noent`, `access`.
    func lookup(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> any Node

    /// The directory this directory is in; nil for the root of its `FileSystem`.
    func parent(_ caller: Caller) throws(NFSStatus) -> (any Node)?

    /// Calls `body` with the entries behind `cookie` (0: from the start) until it returns false. Neither `.` nor `..` is
    /// among them. Its second argument looks at the file behind the entry.
    /// - Returns: whether the end of the directory was reached.
    func entries(
        after cookie: UInt64, _ caller: Caller, _ body: (borrowing DirectoryEntry, Glimpse) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool

    /// Makes a new entry.
    /// - Throws: `exist` when the name is taken, `perm` for an owner or a device the caller may not make.
    func create(
        _ name: FileName, _ object: NewObject, _ changes: AttributeChanges, _ caller: Caller
    ) throws(NFSStatus) -> (node: any Node, change: ChangeInfo)

    /// Makes `name` in this directory another name of `file`.
    /// - Throws: `exist`, `isdir`, `xdev`, `mlink`, `access`; `stale` when `file` or this directory is gone.
    func link(_ file: any Node, as name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo

    /// Removes an entry of any type; a directory must be empty.
    /// - Throws: `noent`, `notempty`; `access`, also where only the owner may remove it.
    func remove(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo

    /// Moves the entry `name` of this directory to `newName` in `directory`, replacing what is there (RFC 8881 §18.26.3).
    /// Nothing happens when both are names of one file.
    /// - Throws: `noent`, `exist`, `inval` for a directory into itself, `xdev`; `access` as `remove`.
    func rename(
        _ name: FileName, to directory: any Node, as newName: FileName, _ caller: Caller
    ) throws(NFSStatus) -> (source: ChangeInfo, target: ChangeInfo)

    /// Brings the attributes of this file, and if it is a directory its entries, to stable storage. Waits.
    func persist() throws(NFSStatus)

    /// - Throws: `inval` when this is no symbolic link.
    func symbolicLinkTarget(_ caller: Caller) throws(NFSStatus) -> [UInt8]

    /// Opens a regular file for reading, writing or both, as the caller.
    /// - Throws: `isdir`, `symlink`, `wrongType` for other types, `access`.
    func open(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile

    /// Opens as `open` does, without a look at permissions, for a caller who is known to have the right: who has just made
    /// the file, whatever its mode, or reclaims what was open before a restart.
    func openGranted(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile
}

/// What some file systems keep of their files and others do not.
@frozen @usableFromInline package struct FileSystemFeatures: OptionSet, Sendable {
    @usableFromInline package let rawValue: Int
    @inlinable package init(rawValue: Int) { self.rawValue = rawValue }

    /// When a file was made.
    package static let creationTime = FileSystemFeatures(rawValue: 1)
    /// Access control lists.
    package static let accessControlLists = FileSystemFeatures(rawValue: 2)
}

extension Node {
    package var fileSystemFeatures: FileSystemFeatures { [] }

    /// What a file system without stable storage does.
    package func persist() throws(NFSStatus) {}

    /// What a file system without access control lists answers.
    package func accessControlList(_ caller: Caller) throws(NFSStatus) -> [AccessControlEntry] { throw .attrnotsupp }

    /// What a file system does that has nothing mounted inside.
    package var coveredFileID: UInt64? { nil }

    /// What a file system without permissions has to do.
    package func openGranted(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile { try open(access, caller) }
}

/// What `Node.create` makes.
package enum NewObject: Sendable {
    case regular
    case directory
    case symbolicLink(target: [UInt8])
    case blockDevice(DeviceNumber)
    case characterDevice(DeviceNumber)
    case socket
    case fifo
}

/// A look at the file behind an entry of a directory: what `lookup` finds, and its attributes of that moment. Nothing is opened
/// or kept for it, where the file system can do without.
package typealias Glimpse = () throws(NFSStatus) -> (node: any Node, attributes: FileAttributes)

/// One entry of a directory, lent for the duration of a call.
package struct DirectoryEntry {
    /// Where to go on behind this entry; never 0, 1 or 2, which the protocol reserves (RFC 8881 §18.23.3).
    package var cookie: UInt64
    package var name: FileName
    package var fileID: UInt64

    package init(cookie: UInt64, name: FileName, fileID: UInt64) {
        self.cookie = cookie
        self.name = name
        self.fileID = fileID
    }
}

/// A regular file opened for reading, writing or both. Access was checked when it was opened; it stays usable when the
/// file's permissions change or its last name is removed. Released when the last reference goes.
package protocol OpenFile: AnyObject, Sendable {
    /// Who opened it, and as whom it is written.
    var credentials: Credentials { get }

    /// Reads up to `buffer.count` bytes from `offset` on. Fewer than that are read only at the end of the file.
    /// - Returns: the number of bytes read, and whether they reach the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, mayBlock: Bool) throws(NFSStatus) -> (count: Int, atEnd: Bool)

    /// Writes `bytes` at `offset`; `commit` makes them durable.
    /// - Returns: the number of bytes written; fewer than given only when the device was full after some.
    /// - Throws: `fbig`, `nospc`, `dquot`, `io`.
    func write(_ bytes: RawSpan, at offset: UInt64, mayBlock: Bool) throws(NFSStatus) -> Int

    /// Sets the size as `setAttributes` does, with the right the file was opened for writing with.
    /// - Throws: `fbig`, `nospc`, `dquot`, `io`.
    func truncate(to size: UInt64, mayBlock: Bool) throws(NFSStatus)

    /// Brings everything written to the file to stable storage. An error the device reported for an earlier write is
    /// thrown here once.
    func commit(mayBlock: Bool) throws(NFSStatus)
}

extension Node {
    package var knownPath: String? { nil }
}
