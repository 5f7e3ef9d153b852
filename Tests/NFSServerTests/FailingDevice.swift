import FileSystem
import MemoryFileSystem
import NFSProtocol
import Synchronization

/// A file system in memory that can be made to fail, as no real one does when asked.
final class FailingDevice: FileSystem {
    enum Calls {
        /// COMMIT and stable WRITE.
        case durability
        /// Every call into a file that is open or named by its handle.
        case all
    }

    private let files: MemoryFileSystem
    private let failure = Mutex<(calls: Calls, status: NFSStatus)?>(nil)
    let identity: FileSystemIdentity
    var root: any Node { FailingNode(files.root, on: self) }

    init(_ files: MemoryFileSystem) {
        self.files = files
        identity = files.identity
    }

    /// What `calls` fail with until `work` again.
    func fail(_ calls: Calls = .durability, with status: NFSStatus) { failure.withLock { $0 = (calls, status) } }

    func work() { failure.withLock { $0 = nil } }

    func check(_ calls: Calls = .all) throws(NFSStatus) {
        guard let failure = failure.withLock({ $0 }) else { return }
        if failure.calls == .all || calls == .durability { throw failure.status }
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

    func statistics(_ caller: Caller) throws(NFSStatus) -> FileSystemStatistics { try working().statistics(caller) }

    private static func inner(_ node: any Node) -> any Node { (node as? FailingNode)?.node ?? node }

    /// What stands behind this node, if the device works.
    private func working() throws(NFSStatus) -> any Node {
        try device.check()
        return node
    }

    func attributes(_ caller: Caller) throws(NFSStatus) -> FileAttributes { try working().attributes(caller) }

    func setAttributes(_ changes: AttributeChanges, _ caller: Caller) throws(NFSStatus) { try working().setAttributes(changes, caller) }

    func access(_ wanted: AccessRights, _ caller: Caller) throws(NFSStatus) -> AccessRights { try working().access(wanted, caller) }

    func lookup(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> any Node {
        FailingNode(try working().lookup(name, caller), on: device)
    }

    func parent(_ caller: Caller) throws(NFSStatus) -> (any Node)? {
        guard let parent = try working().parent(caller) else { return nil }
        return FailingNode(parent, on: device)
    }

    func entries(
        after cookie: UInt64, _ caller: Caller, _ body: (borrowing DirectoryEntry) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool { try working().entries(after: cookie, caller, body) }

    func create(
        _ name: FileName, _ object: NewObject, _ changes: AttributeChanges, _ caller: Caller
    ) throws(NFSStatus) -> (node: any Node, change: ChangeInfo) {
        let made = try working().create(name, object, changes, caller)
        return (FailingNode(made.node, on: device), made.change)
    }

    func link(_ file: any Node, as name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo {
        try working().link(Self.inner(file), as: name, caller)
    }

    func remove(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo { try working().remove(name, caller) }

    func rename(
        _ name: FileName, to directory: any Node, as newName: FileName, _ caller: Caller
    ) throws(NFSStatus) -> (source: ChangeInfo, target: ChangeInfo) {
        try working().rename(name, to: Self.inner(directory), as: newName, caller)
    }

    func symbolicLinkTarget(_ caller: Caller) throws(NFSStatus) -> [UInt8] { try working().symbolicLinkTarget(caller) }

    func open(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile {
        FailingOpenFile(try working().open(access, caller), on: device)
    }

    func openGranted(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile {
        FailingOpenFile(try working().openGranted(access, caller), on: device)
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
        try device.check()
        return try file.read(into: buffer, at: offset, mayBlock: mayBlock)
    }

    func write(_ bytes: RawSpan, at offset: UInt64, _ stability: WriteStability, mayBlock: Bool) throws(NFSStatus) -> Int {
        try device.check(stability == .unstable ? .all : .durability)
        return try file.write(bytes, at: offset, stability, mayBlock: mayBlock)
    }

    func truncate(to size: UInt64, mayBlock: Bool) throws(NFSStatus) {
        try device.check()
        try file.truncate(to: size, mayBlock: mayBlock)
    }

    func commit(mayBlock: Bool) throws(NFSStatus) {
        try device.check(.durability)
        try file.commit(mayBlock: mayBlock)
    }
}
