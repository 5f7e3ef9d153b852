import FileSystem
import NFSProtocol

/// Everything clients can reach: the pseudo file system and the exports it leads to.
package final class NameSpace: Sendable {
    /// An export before it has its place.
    package struct Entry: Sendable {
        package var pseudoPath: String
        package var fileSystem: any FileSystem
        package var rules: Export.Rules
        /// Whether everything there is answered with NFS4ERR_DELAY, and the file system not asked.
        package var isHeld: Bool

        package init(pseudoPath: String, fileSystem: any FileSystem, rules: Export.Rules = Export.Rules(), isHeld: Bool = false) {
            self.pseudoPath = pseudoPath
            self.fileSystem = fileSystem
            self.rules = rules
            self.isHeld = isHeld
        }
    }

    private let pseudo: PseudoFileSystem
    private let pseudoExport: Export
    /// Without the pseudo file system.
    let exports: [Export]
    private let exportsByID: [UInt64: Export]
    private let exportsByPseudoPath: [String: Export]

    package init(_ entries: [Entry]) {
        pseudo = PseudoFileSystem(paths: entries.map(\.pseudoPath))
        pseudoExport = Export(pseudo, at: "/", number: 0, rules: Export.Rules(), junction: nil, isHeld: false)
        exports = entries.enumerated().map { [pseudo] index, entry in
            Export(
                entry.fileSystem, at: entry.pseudoPath, number: index + 1, rules: entry.rules, junction: pseudo.node(at: entry.pseudoPath),
                isHeld: entry.isHeld)
        }
        exportsByID = Dictionary(exports.map { ($0.id, $0) }) { $1 }
        exportsByPseudoPath = Dictionary(exports.map { ($0.pseudoPath, $0) }) { $1 }
    }

    /// Makes the calling thread the server's own, not a caller's, as it must be before it starts others.
    func actAsServer() {
        for export in exports { export.fileSystem.actAsServer() }
    }

    /// What PUTROOTFH stands for: the export at / for those it admits, and otherwise where the pseudo file system begins.
    func root(admitting admits: (Export) -> Bool) -> CurrentFile {
        let start = CurrentFile(node: pseudo.root, export: pseudoExport)
        let root = crossing(start)
        return admits(root.export) || root.export.isHeld ? root : start
    }

    /// Steps from a pseudo directory that an export covers onto the export's root.
    func crossing(_ file: CurrentFile) -> CurrentFile {
        guard let junction = file.node as? PseudoNode, let export = exportsByPseudoPath[junction.path] else { return file }
        return CurrentFile(node: export.fileSystem.root, export: export)
    }

    /// The directory above an export's root: that of the pseudo directory it covers.
    /// - Returns: nil above the root of the name space.
    func parent(ofRootOf export: Export) -> CurrentFile? {
        guard let parent = export.junction?.parentNode else { return nil }
        return CurrentFile(node: parent, export: pseudoExport)
    }

    /// The file a client's filehandle stands for.
    /// - Throws: `badhandle` for what this server never made, `stale` for a file or an export that is gone, `delay` for one in an export
    ///   that is held.
    func file(for handle: RawSpan, _ caller: (Export) -> Caller) throws(NFSStatus) -> CurrentFile {
        guard handle.byteCount > 8, handle.byteCount <= FileHandle.maximumLength else { throw .badhandle }
        let id = UInt64(bigEndian: handle.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self))
        guard let export = id == 0 ? pseudoExport : exportsByID[id] else { throw StableHash.isSealed(id) ? .stale : .badhandle }
        guard !export.isHeld else { throw .delay }
        guard let inner = FileHandle(handle.extracting(8..<handle.byteCount)) else { throw .badhandle }
        return CurrentFile(node: try export.fileSystem.node(for: inner, caller(export)), export: export)
    }
}
