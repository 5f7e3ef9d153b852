import FileSystem
import NFSProtocol

/// An open regular file of a `MemoryFileSystem`.
final class MemoryOpenFile: OpenFile {
    private let node: MemoryNode
    let credentials: Credentials

    init(_ node: MemoryNode, openedBy credentials: Credentials) throws(NFSStatus) {
        self.node = node
        self.credentials = credentials
        try node.storage.tree.withLock { tree throws(NFSStatus) in
            _ = try tree.inode(node.number)
            tree.open(node.number)
        }
    }

    var storage: Storage { node.storage }

    deinit { node.storage.tree.withLock { $0.close(node.number) } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, mayBlock: Bool) throws(NFSStatus) -> (count: Int, atEnd: Bool)
    {
        let data = try data
        guard let start = Int(exactly: offset), start < data.count else { return (0, true) }
        let part = data[start...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        return (part.count, part.endIndex == data.count)
    }

    private var data: [UInt8] {
        get throws(NFSStatus) {
            let inode = try node.storage.tree.withLock { tree throws(NFSStatus) in try tree.inode(node.number) }
            guard case .regular(let data) = inode.content else { throw .wrongType }
            return data
        }
    }

    func write(_ bytes: RawSpan, at offset: UInt64, mayBlock: Bool) throws(NFSStatus) -> Int {
        guard bytes.byteCount > 0 else { return 0 }
        let bytes = bytes.withUnsafeBytes { [UInt8]($0) }
        try node.storage.tree.withLock { tree throws(NFSStatus) in try tree.write(bytes, to: node.number, at: offset, credentials) }
        return bytes.count
    }

    func truncate(to size: UInt64, mayBlock: Bool) throws(NFSStatus) {
        try node.storage.tree.withLock { tree throws(NFSStatus) in try tree.setSize(of: node.number, size, credentials) }
    }

    func commit(mayBlock: Bool) throws(NFSStatus) {}
}
