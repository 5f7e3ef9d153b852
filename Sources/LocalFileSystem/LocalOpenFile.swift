import CLinux
import FileSystem
import Glibc
import NFSProtocol
import Synchronization

/// An open regular file. It keeps no descriptor of its own: all who have a file open share the node's, which is closed when
/// descriptors are short and opened again when it is needed.
final class LocalOpenFile: OpenFile {
    private let node: LocalNode
    private let stream = DropBehind()
    /// Writes run as who opened the file: the system clears set-user-ID bits and counts quotas by that.
    let credentials: Credentials

    init(_ node: LocalNode, openedBy credentials: Credentials) {
        self.node = node
        self.credentials = credentials
        node.countOpen()
    }

    var volume: Volume { node.volume }

    deinit { node.countClose() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, mayBlock: Bool) throws(NFSStatus) -> (count: Int, atEnd: Bool)
    {
        // No file reaches farther than a signed offset.
        guard let start = Int64(exactly: offset) else { return (0, true) }
        let buffer = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(Int(clamping: Int64.max - start)))
        let descriptor = try node.descriptor(for: .read, mayBlock: mayBlock)
        try stream.pass(start, .reading, in: descriptor, of: node.volume, mayBlock: mayBlock)
        var done = 0
        while done < buffer.count {
            let count = linux_read(descriptor.number, buffer.baseAddress! + done, buffer.count - done, start + Int64(done), !mayBlock)
            if count == 0 { return (done, true) }
            if count > 0 {
                done += count
            } else if !mayBlock, count == -Int(EAGAIN) || count == -Int(EOPNOTSUPP) {
                throw .wouldBlock
            } else if count != -Int(EINTR) {
                throw SystemError(code: Int32(-count)).status
            }
        }
        return (done, try start + Int64(done) >= require(linux_size(descriptor.number)))
    }

    func write(_ bytes: RawSpan, at offset: UInt64, mayBlock: Bool) throws(NFSStatus) -> Int {
        guard bytes.byteCount > 0 else { return 0 }
        guard let start = Int64(exactly: offset), start <= Int64.max - Int64(bytes.byteCount) else { throw .fbig }
        guard mayBlock || node.volume.writesWithoutWaiting.load(ordering: .relaxed) else { throw .wouldBlock }
        let descriptor = try node.descriptorForWriting(mayBlock: mayBlock)
        try stream.pass(start, .writing, in: descriptor, of: node.volume, mayBlock: mayBlock)
        try node.volume.act(as: credentials)
        defer { node.noteUncommitted(through: descriptor) }
        return try node.changing { () throws(NFSStatus) in
            try bytes.withUnsafeBytes { bytes throws(NFSStatus) in
                if mayBlock { return try writeAll(bytes, at: start, descriptor) }
                return try writeWithoutWaiting(bytes, at: start, descriptor)
            }
        }
    }

    /// - Returns: how many bytes were written: fewer than given when the device was full after some.
    private func writeAll(
        _ bytes: UnsafeRawBufferPointer, at start: Int64, _ descriptor: Descriptor
    ) throws(NFSStatus) -> Int {
        var done = 0
        while done < bytes.count {
            let count = linux_write(descriptor.number, bytes.baseAddress! + done, bytes.count - done, start + Int64(done), false)
            if count >= 0 {
                done += count
            } else if count != -Int(EINTR) {
                let status = SystemError(code: Int32(-count)).status
                // The rest will be tried again, and refused then.
                if done > 0, status == .nospc || status == .dquot || status == .fbig { break }
                throw status
            }
        }
        return done
    }

    private func writeWithoutWaiting(_ bytes: UnsafeRawBufferPointer, at start: Int64, _ descriptor: Descriptor) throws(NFSStatus) -> Int {
        let count = linux_write(descriptor.number, bytes.baseAddress, bytes.count, start, true)
        switch count {
        case bytes.count: return count
        // A part is written: writing all of it again, where waiting is possible, comes to the same.
        case 0..., -Int(EAGAIN), -Int(EINTR): throw .wouldBlock
        case -Int(EOPNOTSUPP):
            node.volume.writesWithoutWaiting.store(false, ordering: .relaxed)
            throw .wouldBlock
        default: throw SystemError(code: Int32(-count)).status
        }
    }

    func truncate(to size: UInt64, mayBlock: Bool) throws(NFSStatus) {
        let size = try LocalNode.offset(size)
        try node.volume.requireMayChange(Caller(credentials, mayBlock: mayBlock))
        let descriptor = try node.descriptor(for: .write, mayBlock: mayBlock)
        try node.volume.act(as: credentials)
        try node.changing { () throws(NFSStatus) in _ = try require(linux_ftruncate(descriptor.number, size)) }
        if node.volume.durableMetadata { try node.persist() }
    }

    func commit(mayBlock: Bool) throws(NFSStatus) {
        guard mayBlock else { throw .wouldBlock }
        try node.commit()
    }
}
