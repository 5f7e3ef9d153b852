import Dispatch
import FileSystem
import Glibc
import MemoryFileSystem
import NFSProtocol
import Synchronization

/// A file system in memory that can be made to fail, as no real one does when asked.
final class FailingDevice: FileSystem {
    enum Calls {
        /// COMMIT, stable WRITE and changes of names.
        case durability
        /// Setting attributes, the size among them.
        case attributes
        /// Every call into a file that is open or named by its handle.
        case all
    }

    private let files: MemoryFileSystem
    private let failure = Mutex<(calls: Calls, status: NFSStatus)?>(nil)
    private let cache: VolatileCache?
    /// What is done when a file is named by its handle, and when a directory is listed.
    let whenNamed = Mutex<(@Sendable () -> Void)?>(nil)
    let whenListed = Mutex<(@Sendable (NFSProtocol.FileHandle) -> Void)?>(nil)
    let identity: FileSystemIdentity
    var root: any Node { FailingNode(files.root, on: self) }

    /// - Parameter cache: where data written to it stays until it is flushed.
    init(_ files: MemoryFileSystem, cache: VolatileCache? = nil) {
        self.files = files
        self.cache = cache
        identity = files.identity
    }

    /// What `calls` fail with until `work` again.
    func fail(_ calls: Calls = .durability, with status: NFSStatus) { failure.withLock { $0 = (calls, status) } }

    func work() { failure.withLock { $0 = nil } }

    func check(_ calls: Calls = .all) throws(NFSStatus) {
        guard let failure = failure.withLock({ $0 }) else { return }
        if failure.calls == .all || failure.calls == calls { throw failure.status }
    }

    /// - Throws: `wouldBlock` where there is a cache: it may be full.
    func requireRoom(mayBlock: Bool) throws(NFSStatus) {
        guard cache == nil || mayBlock else { throw .wouldBlock }
    }

    func written(_ bytes: RawSpan, at offset: UInt64) { cache?.write(bytes, at: offset) }

    func flush() throws(NFSStatus) {
        try check(.durability)
        try cache?.flush()
    }

    func hasOpened(_ file: any OpenFile) -> Bool { (file as? FailingOpenFile)?.device === self }

    func node(for handle: NFSProtocol.FileHandle, _ caller: Caller) throws(NFSStatus) -> any Node {
        whenNamed.withLock { $0 }?()
        return FailingNode(try files.node(for: handle, caller), on: self)
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
    var fileSystemFeatures: FileSystemFeatures { node.fileSystemFeatures }

    func statistics(_ caller: Caller) throws(NFSStatus) -> FileSystemStatistics { try working().statistics(caller) }

    private static func inner(_ node: any Node) -> any Node { (node as? FailingNode)?.node ?? node }

    /// What stands behind this node, if the device works.
    private func working() throws(NFSStatus) -> any Node {
        try device.check()
        return node
    }

    func attributes(_ caller: Caller) throws(NFSStatus) -> FileAttributes { try working().attributes(caller) }

    func setAttributes(_ changes: AttributeChanges, _ caller: Caller) throws(NFSStatus) {
        try device.check(.attributes)
        try node.setAttributes(changes, caller)
    }

    func access(_ wanted: AccessRights, _ caller: Caller) throws(NFSStatus) -> AccessRights { try working().access(wanted, caller) }

    func lookup(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> any Node {
        FailingNode(try working().lookup(name, caller), on: device)
    }

    func parent(_ caller: Caller) throws(NFSStatus) -> (any Node)? {
        guard let parent = try working().parent(caller) else { return nil }
        return FailingNode(parent, on: device)
    }

    func entries(
        after cookie: UInt64, _ caller: Caller, _ body: (borrowing DirectoryEntry, Glimpse) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool {
        device.whenListed.withLock { $0 }?(handle)
        return try working().entries(after: cookie, caller, body)
    }

    func create(
        _ name: FileName, _ object: NewObject, _ changes: AttributeChanges, _ caller: Caller
    ) throws(NFSStatus) -> (node: any Node, change: ChangeInfo) {
        let made = try working().create(name, object, changes, caller)
        caller.unflushed?.nodes.append(self)
        return (FailingNode(made.node, on: device), made.change)
    }

    func link(_ file: any Node, as name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo {
        try working().link(Self.inner(file), as: name, caller)
    }

    func remove(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo {
        let change = try working().remove(name, caller)
        caller.unflushed?.nodes.append(self)
        return change
    }

    func rename(
        _ name: FileName, to directory: any Node, as newName: FileName, _ caller: Caller
    ) throws(NFSStatus) -> (source: ChangeInfo, target: ChangeInfo) {
        let changes = try working().rename(name, to: Self.inner(directory), as: newName, caller)
        caller.unflushed?.nodes += [directory, self]
        return changes
    }

    func persist() throws(NFSStatus) { try device.check(.durability) }

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
    let device: FailingDevice

    init(_ file: any OpenFile, on device: FailingDevice) {
        self.file = file
        self.device = device
    }

    var credentials: Credentials { file.credentials }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, mayBlock: Bool) throws(NFSStatus) -> (count: Int, atEnd: Bool)
    {
        try device.check()
        return try file.read(into: buffer, at: offset, mayBlock: mayBlock)
    }

    func write(_ bytes: RawSpan, at offset: UInt64, mayBlock: Bool) throws(NFSStatus) -> Int {
        try device.check()
        try device.requireRoom(mayBlock: mayBlock)
        let count = try file.write(bytes, at: offset, mayBlock: mayBlock)
        device.written(bytes, at: offset)
        return count
    }

    func truncate(to size: UInt64, mayBlock: Bool) throws(NFSStatus) {
        try device.check(.attributes)
        try file.truncate(to: size, mayBlock: mayBlock)
    }

    func commit(mayBlock: Bool) throws(NFSStatus) {
        try device.flush()
        try file.commit(mayBlock: mayBlock)
    }
}

/// What the page cache and the device make of the data of one file: it is lost unless a flush that begins after it was written goes
/// well. The loss is told to one flush, once.
final class VolatileCache: Sendable {
    private struct Contents {
        var dirty: [UInt64: UInt8] = [:]
        var durable: [UInt64: UInt8] = [:]
        var flushes = 0
        var isStalled = false
    }

    private let contents = Mutex(Contents())
    private let isLost: @Sendable (_ flush: Int) -> Bool
    private let stall: (offset: UInt64, end: DispatchSemaphore)?

    /// - Parameters:
    ///   - isLost: whether the flush of a number, from 1, loses what it should write.
    ///   - stall: a write there waits until the end is signalled.
    init(stall: (offset: UInt64, end: DispatchSemaphore)? = nil, isLost: @escaping @Sendable (_ flush: Int) -> Bool = { _ in false }) {
        self.stall = stall
        self.isLost = isLost
    }

    var flushes: Int { contents.withLock { $0.flushes } }

    func durableByte(at offset: UInt64) -> UInt8? { contents.withLock { $0.durable[offset] } }

    /// Whether a write waits for the end of its stall, or has.
    var isStalled: Bool { contents.withLock { $0.isStalled } }

    func write(_ bytes: RawSpan, at offset: UInt64) {
        if let stall, stall.offset == offset {
            contents.withLock { $0.isStalled = true }
            stall.end.wait()
        }
        contents.withLock { contents in
            for index in 0..<bytes.byteCount {
                contents.dirty[offset + UInt64(index)] = bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            }
        }
    }

    func flush() throws(NFSStatus) {
        let (number, atFirst) = contents.withLock { contents in
            contents.flushes += 1
            return (contents.flushes, contents.dirty)
        }
        // A device takes its time, in which others write.
        usleep(200)
        let isLost = isLost(number)
        contents.withLock { contents in
            // Those written meanwhile may have been on their way too, when they are lost.
            let taken = isLost ? contents.dirty : atFirst
            for (offset, byte) in taken {
                if contents.dirty[offset] == byte { contents.dirty[offset] = nil }
                if !isLost { contents.durable[offset] = byte }
            }
        }
        if isLost { throw .io }
    }
}
