import FileSystem
import NFSProtocol

/// What a filehandle of a compound stands for: a file and the export it was reached through (RFC 8881 §2.5, §16.2.3.1).
struct CurrentFile: Sendable {
    let node: any Node
    let export: Export

    /// The filehandle on the wire: the export's id in front of the file system's own handle.
    var wireHandle: FileHandle { FileHandle(export.id, node.handle)! }

    /// Names the file in the tables of opens and locks, whichever export it was reached through.
    var stateKey: FileHandle { FileHandle(node.fileSystemIdentity.folded, node.handle)! }
}
