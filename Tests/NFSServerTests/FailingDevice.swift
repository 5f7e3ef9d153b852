import FileSystem
import MemoryFileSystem
import NFSProtocol
import Synchronization

/// A file system in memory whose device can be made to refuse what is to become durable, as no real one does when asked.
final class FailingDevice: FileSystem {
    private let files: MemoryFileSystem
    private let failure = Mutex<NFSStatus?>(nil)
    let identity: FileSystemIdentity
    var root: any Node { FailingNode(files.root, on: self) }

    init(_ files: MemoryFileSystem) {
        self.files = files
        identity = files.identity
    }

    /// What COMMIT and stable WRITE fail with until it is nil again.
    func fail(with status: NFSStatus?) { failure.withLock { $0 = status } }

    func check() throws(NFSStatus) {
        if let status = failure.withLock({ $0 }) { throw status }
    }

    func node(for handle: NFSProtocol.FileHandle, _ caller: Caller) throws(NFSStatus) -> any Node {
        FailingNode(try files.node(for: handle, caller), on: self)
    }

}

private final class FailingNode: Node {
    private let node: any Node
    private let device: FailingDevice

    init(_ node: any Node, on device: FailingDevice) {
        self.node = node
        self.device = device
    }

    var handle: FileHandle { node.handle }
    var type: FileType { node.type }
    var fileSystemIdentity: FileSystemIdentity { node.fileSystemIdentity }

    func statistics(_ caller: Caller) throws(NFSStatus) -> FileSystemStatistics { try node.statistics(caller) }

    private static func inner(_ node: any Node) -> any Node { (node as? FailingNode)?.node ?? node }

    func attributes(_ caller: Caller) throws(NFSStatus) -> FileAttributes { try node.attributes(caller) }

    func setAttributes(_ changes: AttributeChanges, _ caller: Caller) throws(NFSStatus) { try node.setAttributes(changes, caller) }

    func access(_ wanted: AccessRights, _ caller: Caller) throws(NFSStatus) -> AccessRights { try node.access(wanted, caller) }

    func lookup(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> any Node { FailingNode(try node.lookup(name, caller), on: device) }

    func parent(_ caller: Caller) throws(NFSStatus) -> (any Node)? {
        guard let parent = try node.parent(caller) else { return nil }
        return FailingNode(parent, on: device)
    }

    func entries(
        after cookie: UInt64, _ caller: Caller, _ body: (borrowing DirectoryEntry) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool { try node.entries(after: cookie, caller, body) }

    func create(
        _ name: FileName, _ object: NewObject, _ changes: AttributeChanges, _ caller: Caller
    ) throws(NFSStatus) -> (node: any Node, change: ChangeInfo) {
        let made = try node.create(name, object, changes, caller)
        return (FailingNode(made.node, on: device), made.change)
    }

    func link(_ file: any Node, as name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo {
        try node.link(Self.inner(file), as: name, caller)
    }

    func remove(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo { try node.remove(name, caller) }

    func rename(
        _ name: FileName, to directory: any Node, as newName: FileName, _ caller: Caller
    ) throws(NFSStatus) -> (source: ChangeInfo, target: ChangeInfo) {
        try node.rename(name, to: Self.inner(directory), as: newName, caller)
    }

    func symbolicLinkTarget(_ caller: Caller) throws(NFSStatus) -> [UInt8] { try node.symbolicLinkTarget(caller) }

    func open(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile {
        FailingOpenFile(try node.open(access, caller), on: device)
    }

    func openGranted(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile {
        FailingOpenFile(try node.openGranted(access, caller), on: device)
    }
}

private final class FailingOpenFile: OpenFile {
    private let file: any OpenFile
    private let device: FailingDevice

    init(_ file: any OpenFile, on device: FailingDevice) {
        self.file = file
        self.device = device
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, mayBlock: Bool) throws(NFSStatus) -> (count: Int, atEnd: Bool)
    {
        try file.read(into: buffer, at: offset, mayBlock: mayBlock)
    }

    func write(_ bytes: RawSpan, at offset: UInt64, _ stability: WriteStability, mayBlock: Bool) throws(NFSStatus) -> Int {
        if stability != .unstable { try device.check() }
        return try file.write(bytes, at: offset, stability, mayBlock: mayBlock)
    }

    func truncate(to size: UInt64, mayBlock: Bool) throws(NFSStatus) { try file.truncate(to: size, mayBlock: mayBlock) }

    func commit(mayBlock: Bool) throws(NFSStatus) {
        try device.check()
        try file.commit(mayBlock: mayBlock)
    }
}
