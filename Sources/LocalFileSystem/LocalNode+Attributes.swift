import CLinux
import FileSystem
import Glibc
import NFSProtocol

extension LocalNode {
    func attributes(_ caller: Caller) throws(NFSStatus) -> FileAttributes {
        let (status, change) = try status(mayBlock: caller.mayBlock)
        // Removed by another process: to clients it is gone, unless they have it open.
        if status.links == 0, !isOpen {
            release()
            throw .stale
        }
        return attributes(status, change)
    }

    func attributes(_ status: linux_status, _ change: UInt64) -> FileAttributes {
        FileAttributes(
            type: type, mode: status.mode & 0o7777, linkCount: status.links, owner: status.uid, group: status.gid,
            size: status.size, spaceUsed: status.blocks &* 512,
            device: DeviceNumber(major: status.device_major, minor: status.device_minor), fileID: status.inode,
            change: change, accessTime: Timestamp(status.accessed), modifyTime: Timestamp(status.modified),
            metadataTime: Timestamp(status.changed),
            createTime: status.is_born_known ? Timestamp(status.born) : nil)
    }

    func setAttributes(_ changes: AttributeChanges, _ caller: Caller) throws(NFSStatus) {
        guard changes.size == nil || type == .regular else { throw .wrongType }
        guard !changes.isEmpty else { return }
        try volume.requireMayChange(caller)
        let descriptor = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        try changing { () throws(NFSStatus) in
            if let size = changes.size {
                try require(linux_truncate(descriptor.number, Self.offset(size)))
            }
            try set(changes, through: descriptor)
        }
        if volume.durableMetadata { try persist() }
    }

    /// Sets everything but the size, as the user the thread acts as.
    func set(_ changes: AttributeChanges, through descriptor: Descriptor) throws(NFSStatus) {
        if changes.owner != nil || changes.group != nil {
            // To the system the highest id means "leave it"; nobody has it.
            guard changes.owner != .max, changes.group != .max else { throw .inval }
            try require(linux_chown(descriptor.number, changes.owner ?? .max, changes.group ?? .max))
        }
        // Symbolic links have no mode of their own on Linux.
        if let mode = changes.mode, type != .symbolicLink {
            try require(linux_chmod(descriptor.number, mode & 0o7777))
        }
        if let acl = changes.acl { try set(acl, through: descriptor) }
        if changes.accessTime != nil || changes.modifyTime != nil {
            try require(linux_utimes(descriptor.number, linux_time(changes.accessTime), linux_time(changes.modifyTime)))
        }
    }

    func accessControlList(_ caller: Caller) throws(NFSStatus) -> [AccessControlEntry] {
        guard volume.features.contains(.accessControlLists) else { throw .attrnotsupp }
        // It may have to be read from the device.
        guard caller.mayBlock else { throw .wouldBlock }
        let descriptor = try descriptor(mayBlock: true)
        // Symbolic links have none of their own on Linux.
        guard type != .symbolicLink else { return PosixACL(mode: 0o777).entries(onDirectory: false) }
        let own = try PosixACL(of: descriptor, .access)?.entries(onDirectory: type == .directory) ?? []
        guard type == .directory, let inherited = try PosixACL(of: descriptor, .default) else { return own }
        return own + inherited.entries(onDirectory: true, flags: [.fileInherit, .directoryInherit, .inheritOnly])
    }

    private func set(_ acl: [AccessControlEntry], through descriptor: Descriptor) throws(NFSStatus) {
        guard volume.features.contains(.accessControlLists), type != .symbolicLink else { throw .attrnotsupp }
        var status = linux_status()
        try require(linux_status(descriptor.number, &status))
        let (own, inherited) = try PosixACL.lists(for: acl, onDirectory: type == .directory, of: status.uid)
        try own.set(on: descriptor, .access)
        guard type == .directory else { return }
        if let inherited { try inherited.set(on: descriptor, .default) } else { try PosixACL.removeDefault(of: descriptor) }
    }

    /// Brings this file's attributes, and if it is a directory its entries, to stable storage.
    func persist() throws(NFSStatus) {
        switch type {
        case .directory:
            let descriptor = try descriptor(for: .read, mayBlock: true)
            try volume.flushes.flush(handle) { () throws(NFSStatus) in try require(linux_fsync(descriptor.number)) }
        case .regular: try persistFile()
        // The others cannot be opened without effect, so the whole file system stands in for them.
        default: try require(linux_syncfs(volume.root().number))
        }
    }

    func access(_ wanted: AccessRights, _ caller: Caller) throws(NFSStatus) -> AccessRights {
        let descriptor = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        var granted: AccessRights = []
        for (mode, rights) in type == .directory ? Self.directoryRights : Self.fileRights {
            let rights = rights.intersection(wanted)
            if !rights.isEmpty, try permits(mode, descriptor) { granted.formUnion(rights) }
        }
        return granted
    }

    /// What a permission bit allows (RFC 8881 §18.1.3). Entries are deleted from directories, never from files.
    private static let directoryRights: [(mode: Int32, rights: AccessRights)] = [
        (R_OK, .read), (W_OK | X_OK, [.modify, .extend, .delete]), (X_OK, .lookup),
    ]
    private static let fileRights: [(mode: Int32, rights: AccessRights)] = [
        (R_OK, .read), (W_OK, [.modify, .extend]), (X_OK, .execute),
    ]

    /// Whether the user the thread acts as has the rights in `mode` (R_OK, W_OK, X_OK).
    func permits(_ mode: Int32, _ descriptor: Descriptor) throws(NFSStatus) -> Bool {
        let result = linux_access(descriptor.number, mode)
        switch -result {
        case 0: return true
        case EACCES, EPERM, EROFS, ETXTBSY: return false
        default: throw SystemError(code: -result).status
        }
    }

    func symbolicLinkTarget(_ caller: Caller) throws(NFSStatus) -> [UInt8] {
        guard type == .symbolicLink else { throw .inval }
        let descriptor = try descriptor(mayBlock: caller.mayBlock)
        var length = 0
        let target = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            length = linux_readlink(
                descriptor.number, UnsafeMutableRawPointer(buffer.baseAddress!).assumingMemoryBound(to: CChar.self), buffer.count)
            count = max(length, 0)
        }
        try require(length)
        return target
    }

    /// A size or offset for the system.
    /// - Throws: `fbig` when it has none that large.
    static func offset(_ value: UInt64) throws(NFSStatus) -> Int64 {
        guard let offset = Int64(exactly: value) else { throw .fbig }
        return offset
    }
}

extension Timestamp {
    init(_ time: linux_time) { self.init(seconds: time.seconds, nanoseconds: time.nanoseconds) }
}

extension linux_time {
    /// What to set for `time`; nil leaves it as it is.
    fileprivate init(_ time: AttributeChanges.Time?) {
        switch time {
        case nil: self.init(seconds: 0, nanoseconds: LINUX_TIME_KEEP.rawValue)
        case .now: self.init(seconds: 0, nanoseconds: LINUX_TIME_NOW.rawValue)
        case .at(let time): self.init(seconds: time.seconds, nanoseconds: time.nanoseconds)
        }
    }
}
