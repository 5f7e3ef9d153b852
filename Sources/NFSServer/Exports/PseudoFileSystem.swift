import FileSystem
import NFSProtocol

/// The read-only tree of directories that leads from the root filehandle to the exports (RFC 8881 §7.3).
final class PseudoFileSystem: FileSystem {
    let identity = FileSystemIdentity(high: 0, low: 0)
    let root: any Node
    private let tree: PseudoTree

    /// - Parameter paths: the absolute pseudo paths that lead to exports.
    init(paths: [String]) {
        tree = PseudoTree(paths: paths)
        root = PseudoNode(path: "/", tree: tree)
    }

    func node(for handle: FileHandle, _ caller: Caller) throws(NFSStatus) -> any Node {
        if let path = tree.paths[handle] { return PseudoNode(path: path, tree: tree) }
        // A directory that led to an export of another day is gone; what never was one is no handle.
        throw PseudoNode.mayBeHandle(handle) ? .stale : .badhandle
    }

    func hasOpened(_ file: any OpenFile) -> Bool { false }

    /// The directory at an absolute pseudo path this tree was made with.
    func node(at path: String) -> PseudoNode { PseudoNode(path: path, tree: tree) }
}

/// The directories of the pseudo file system and what is in them, by path. Never changes.
struct PseudoTree: Sendable {
    /// In the order of their numbers, which depend on nothing but their paths: a cookie means the same after a restart with
    /// other exports.
    private(set) var children: [String: [(name: FileName, path: String)]] = ["/": []]
    private(set) var paths: [FileHandle: String] = [:]

    init(paths: [String]) {
        for path in paths {
            var directory = "/"
            for component in path.split(separator: "/") {
                // Pseudo paths were checked when the configuration was read; a component that is no name leads nowhere.
                guard let name = try? FileName(validating: String(component)) else { break }
                let child = (directory == "/" ? "" : directory) + "/" + component
                if children[directory]?.contains(where: { $0.name == name }) == false {
                    children[directory]?.append((name, child))
                    children[child] = []
                }
                directory = child
            }
        }
        for path in children.keys {
            self.paths[PseudoNode.handle(for: path)] = path
            children[path]?.sort { PseudoNode.fileID(of: $0.path) < PseudoNode.fileID(of: $1.path) }
        }
    }
}

/// A directory of the pseudo file system.
final class PseudoNode: Node {
    let path: String
    let handle: FileHandle
    let type = FileType.directory
    private let tree: PseudoTree

    init(path: String, tree: PseudoTree) {
        self.path = path
        self.tree = tree
        handle = Self.handle(for: path)
    }

    let fileSystemIdentity = FileSystemIdentity(high: 0, low: 0)

    var fileID: UInt64 { Self.fileID(of: path) }

    /// A hash of the path, so that it is the same after a restart. Larger than the cookies of the protocol's own, and one
    /// itself.
    static func fileID(of path: String) -> UInt64 { StableHash.of(Array(path.utf8), seed: 0) >> 1 | 4 }

    var parentNode: PseudoNode? {
        guard path != "/", let slash = path.lastIndex(of: "/") else { return nil }
        return PseudoNode(path: slash == path.startIndex ? "/" : String(path[..<slash]), tree: tree)
    }

    private var children: [(name: FileName, path: String)] { tree.children[path] ?? [] }

    static func mayBeHandle(_ handle: FileHandle) -> Bool {
        handle.count == 8 && StableHash.isSealed((0..<8).reduce(0) { $0 | UInt64(handle[$1]) << UInt64($1 * 8) })
    }

    static func handle(for path: String) -> FileHandle {
        let hash = StableHash.sealed(StableHash.of(Array(path.utf8), seed: 0))
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: hash >> UInt64($0 * 8)) }
        return FileHandle(bytes.span.bytes)!
    }

    func attributes(_ caller: Caller) throws(NFSStatus) -> FileAttributes {
        let count = children.count
        let epoch = Timestamp(seconds: 0, nanoseconds: 0)
        return FileAttributes(
            type: .directory, mode: 0o555, linkCount: UInt32(2 + count), owner: 0, group: 0, size: 4096, spaceUsed: 0,
            device: DeviceNumber(), fileID: fileID, change: UInt64(count) + 1, accessTime: epoch, modifyTime: epoch, metadataTime: epoch,
            createTime: nil)
    }

    func access(_ wanted: AccessRights, _ caller: Caller) throws(NFSStatus) -> AccessRights { wanted.intersection([.read, .lookup]) }

    func lookup(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> any Node {
        guard let child = children.first(where: { $0.name == name }) else { throw .noent }
        return PseudoNode(path: child.path, tree: tree)
    }

    func parent(_ caller: Caller) throws(NFSStatus) -> (any Node)? { parentNode }

    func entries(
        after cookie: UInt64, _ caller: Caller, _ body: (borrowing DirectoryEntry, Glimpse) throws(NFSStatus) -> Bool
    ) throws(NFSStatus) -> Bool {
        for child in children {
            let fileID = Self.fileID(of: child.path)
            guard fileID > cookie else { continue }
            let entry = DirectoryEntry(cookie: fileID, name: child.name, fileID: fileID)
            let goesOn = try body(entry) { () throws(NFSStatus) in
                let node = PseudoNode(path: child.path, tree: tree)
                return (node, try node.attributes(caller))
            }
            guard goesOn else { return false }
        }
        return true
    }

    func statistics(_ caller: Caller) throws(NFSStatus) -> FileSystemStatistics {
        FileSystemStatistics(
            bytesAvailable: 0, bytesFree: 0, bytesTotal: 0, filesAvailable: 0, filesFree: 0, filesTotal: UInt64(tree.paths.count),
            maximumFileSize: UInt64(Int64.max), maximumLinks: 1, maximumNameLength: UInt32(FileName.maximumLength))
    }

    func setAttributes(_ changes: AttributeChanges, _ caller: Caller) throws(NFSStatus) { throw .rofs }

    func create(
        _ name: FileName, _ object: NewObject, _ changes: AttributeChanges, _ caller: Caller
    ) throws(NFSStatus) -> (node: any Node, change: ChangeInfo) { throw .rofs }

    func link(_ file: any Node, as name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo { throw .rofs }

    func remove(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo { throw .rofs }

    func rename(
        _ name: FileName, to directory: any Node, as newName: FileName, _ caller: Caller
    ) throws(NFSStatus) -> (source: ChangeInfo, target: ChangeInfo) { throw .rofs }

    func symbolicLinkTarget(_ caller: Caller) throws(NFSStatus) -> [UInt8] { throw .inval }

    func open(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile { throw .isdir }
}
