import FileSystem
import NFSProtocol

/// A file of a `MemoryFileSystem`.
final class MemoryNode: Node {
    let number: UInt64
    let type: FileType
    let storage: Storage

    init(_ number: UInt64, _ type: FileType, in storage: Storage) {
        self.number = number
        self.type = type
        self.storage = storage
    }

    var handle: FileHandle { storage.handle(of: number) }
    var fileSystemIdentity: FileSystemIdentity { storage.identity }

    var fileSystemFeatures: FileSystemFeatures { .creationTime }

    func statistics(_ caller: Caller) throws(NFSStatus) -> FileSystemStatistics {
        let used = storage.tree.withLock { UInt64($0.inodes.count) }
        let bytes: UInt64 = 1 << 30
        let files: UInt64 = 1 << 20
        return FileSystemStatistics(
            bytesAvailable: bytes, bytesFree: bytes, bytesTotal: bytes, filesAvailable: files - min(used, files),
            filesFree: files - min(used, files), filesTotal: files, maximumFileSize: UInt64(Tree.maximumFileSize),
            maximumLinks: Tree.maximumLinks, maximumNameLength: UInt32(FileName.maximumLength))
    }

    private var inode: Inode {
        get throws(NFSStatus) { try storage.tree.withLock { tree throws(NFSStatus) in try tree.inode(number) } }
    }

    func attributes(_ caller: Caller) throws(NFSStatus) -> FileAttributes { try inode.attributes }

    func setAttributes(_ changes: AttributeChanges, _ caller: Caller) throws(NFSStatus) {
        try storage.tree.withLock { tree throws(NFSStatus) in try tree.setAttributes(of: number, changes, caller.credentials) }
    }

    func access(_ wanted: AccessRights, _ caller: Caller) throws(NFSStatus) -> AccessRights {
        let inode = try inode
        var granted: AccessRights = []
        if inode.permits(.read, caller.credentials) { granted.insert(.read) }
        if type == .directory {
            if inode.permits([.write, .execute], caller.credentials) { granted.formUnion([.modify, .extend, .delete]) }
            if inode.permits(.execute, caller.credentials) { granted.insert(.lookup) }
        } else {
            if inode.permits(.write, caller.credentials) { granted.formUnion([.modify, .extend]) }
            if inode.permits(.execute, caller.credentials) { granted.insert(.execute) }
        }
        return granted.intersection(wanted)
    }

    func lookup(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> any Node {
        storage.node(try storage.tree.withLock { tree throws(NFSStatus) in try tree.lookup(name, in: number, caller.credentials) })
    }

    func parent(_ caller: Caller) throws(NFSStatus) -> (any Node)? {
        try storage.tree.withLock { tree throws(NFSStatus) in try tree.parent(of: number, caller.credentials) }.map(storage.node)
    }

    func entries(
        after cookie: UInt64, _ caller: Caller, _ body: (borrowing DirectoryEntry, Glimpse) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool {
        var cookie = cookie
        while true {
            let batch = try storage.tree.withLock { [cookie] tree throws(NFSStatus) in
                try tree.entries(after: cookie, of: number, caller.credentials)
            }
            guard let last = batch.last else { return true }
            // Outside of the lock: `body` may well call here.
            for entry in batch {
                let goesOn = try body(entry) { () throws(NFSStatus) in
                    let node = try lookup(entry.name, caller)
                    return (node, try node.attributes(caller))
                }
                guard goesOn else { return false }
            }
            cookie = last.cookie
        }
    }

    func create(
        _ name: FileName, _ object: NewObject, _ changes: AttributeChanges, _ caller: Caller
    ) throws(NFSStatus) -> (node: any Node, change: ChangeInfo) {
        let content: Inode.Content
        switch object {
        case .regular: content = .regular([])
        case .directory: content = .directory(Directory(parent: number))
        case .symbolicLink(let target):
            guard !target.isEmpty, !target.contains(0) else { throw .inval }
            guard target.count < 4096 else { throw .nametoolong }
            content = .symbolicLink(target)
        case .blockDevice(let device), .characterDevice(let device):
            // What Linux has room for.
            guard device.major < 1 << 12, device.minor < 1 << 20 else { throw .inval }
            if case .blockDevice = object { content = .blockDevice(device) } else { content = .characterDevice(device) }
        case .socket: content = .socket
        case .fifo: content = .fifo
        }
        let made = try storage.tree.withLock { tree throws(NFSStatus) in
            try tree.create(name, in: number, content, changes, caller.credentials)
        }
        return (storage.node(made.inode), made.change)
    }

    func link(_ file: any Node, as name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo {
        guard let file = file as? MemoryNode, file.storage === storage else { throw .xdev }
        return try storage.tree.withLock { tree throws(NFSStatus) in
            try tree.link(file.number, as: name, in: number, caller.credentials)
        }
    }

    func remove(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo {
        try storage.tree.withLock { tree throws(NFSStatus) in try tree.remove(name, in: number, caller.credentials) }
    }

    func rename(
        _ name: FileName, to directory: any Node, as newName: FileName, _ caller: Caller
    ) throws(NFSStatus) -> (source: ChangeInfo, target: ChangeInfo) {
        guard let directory = directory as? MemoryNode, directory.storage === storage else { throw .xdev }
        return try storage.tree.withLock { tree throws(NFSStatus) in
            try tree.rename(name, in: number, to: directory.number, as: newName, caller.credentials)
        }
    }

    func symbolicLinkTarget(_ caller: Caller) throws(NFSStatus) -> [UInt8] {
        guard case .symbolicLink(let target) = try inode.content else { throw .inval }
        return target
    }

    func open(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile {
        let inode = try inode
        if type == .regular {
            if access.contains(.write) {
                try inode.require(access.contains(.read) ? [.read, .write] : .write, caller.credentials)
            } else if !inode.permits(.execute, caller.credentials) {
                // Who may execute a file may read it: the client has to, to execute it (RFC 8881 §6.2.1.3.2).
                try inode.require(.read, caller.credentials)
            }
        }
        return try openGranted(access, caller)
    }

    func openGranted(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile {
        switch type {
        case .regular: return try MemoryOpenFile(self, openedBy: caller.credentials)
        case .directory: throw .isdir
        case .symbolicLink: throw .symlink
        default: throw .wrongType
        }
    }
}
