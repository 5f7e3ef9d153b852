import FileSystem
import NFSProtocol

/// What a filehandle of a compound stands for: a file and the export it was reached through (RFC 8881 §2.5, §16.2.3.1).
struct CurrentFile: Sendable {
    let node: any Node
    let export: Export

    /// The filehandle on the wire: the export's id in front of the file system's own handle.
    var wireHandle: FileHandle {
        var bytes = InlineArray<64, UInt8>(repeating: 0)
        for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: export.id >> UInt64(56 - index * 8)) }
        let handle = node.handle
        for index in 0..<handle.count { bytes[8 + index] = handle[index] }
        return FileHandle(bytes.span.bytes.extracting(first: 8 + handle.count))!
    }

    /// Names the file in the tables of opens and locks, whichever export it was reached through.
    var stateKey: FileHandle {
        var bytes = InlineArray<64, UInt8>(repeating: 0)
        let folded = node.fileSystemIdentity.folded
        for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: folded >> UInt64(56 - index * 8)) }
        let handle = node.handle
        for index in 0..<handle.count { bytes[8 + index] = handle[index] }
        return FileHandle(bytes.span.bytes.extracting(first: 8 + handle.count))!
    }
}
