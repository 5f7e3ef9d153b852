import FileSystem
import NFSProtocol
import XDR

extension Compound {
    /// The current filehandle's file.
    /// - Throws: `nofilehandle`.
    func file() throws(NFSStatus) -> CurrentFile {
        guard let currentFile else { throw .nofilehandle }
        return currentFile
    }

    /// The current filehandle's file, which must be a directory.
    /// - Throws: `nofilehandle`, `symlink` and `notdir`.
    func directory() throws(NFSStatus) -> CurrentFile {
        let file = try file()
        switch file.node.type {
        case .directory: return file
        case .symbolicLink: throw .symlink
        default: throw .notdir
        }
    }

    /// The current filehandle's file, which must be a regular file.
    /// - Throws: `nofilehandle`, `isdir`, `symlink` and `wrongType` (RFC 8881 §18.22.3).
    func regularFile() throws(NFSStatus) -> CurrentFile {
        let file = try file()
        switch file.node.type {
        case .regular: return file
        case .directory: throw .isdir
        case .symbolicLink: throw .symlink
        default: throw .wrongType
        }
    }

    /// The saved filehandle's file.
    /// - Throws: `nofilehandle`.
    func saved() throws(NFSStatus) -> CurrentFile {
        guard let savedFile else { throw .nofilehandle }
        return savedFile
    }

    /// Makes `file` current. The current stateid belonged to the file before (RFC 8881 §16.2.3.1.2).
    func setCurrent(_ file: CurrentFile) {
        currentFile = file
        currentStateID = nil
    }

    /// Makes `file` current after a step that may have led into another export, if the client may go there.
    /// - Throws: `access` for an address the export does not admit, `wrongsec` for a flavor it does not accept.
    func enter(_ file: CurrentFile) throws(NFSStatus) {
        try admit(to: file.export)
        setCurrent(file)
    }

    /// - Throws: as `enter`.
    func admit(to export: Export) throws(NFSStatus) {
        guard !export.isPseudo else { return }
        guard export.rules.admits(connection.peer) else { throw .access }
        guard isAuthenticated else { throw .wrongsec }
    }

    /// Who makes a call into the file system of `file`.
    func caller(on file: CurrentFile) -> Caller { caller(on: file.export) }

    func caller(on export: Export) -> Caller { Caller(export.credentials(for: credentials), mayBlock: mayBlock) }

    /// - Throws: `rofs` when nothing may be changed where `file` is.
    func requireWritable(_ file: CurrentFile) throws(NFSStatus) {
        if file.export.rules.isReadOnly { throw .rofs }
    }

    /// Looks up `name` in the current directory and crosses into an export that covers it.
    func lookup(_ name: FileName) throws(NFSStatus) -> CurrentFile {
        let directory = try directory()
        let node = try directory.node.lookup(name, caller(on: directory))
        return server.nameSpace.crossing(CurrentFile(node: node, export: directory.export))
    }

    /// The directory above `directory`; nil above the root of the name space.
    func parent(of directory: CurrentFile) throws(NFSStatus) -> CurrentFile? {
        if let parent = try directory.node.parent(caller(on: directory)) {
            return CurrentFile(node: parent, export: directory.export)
        }
        return server.nameSpace.parent(ofRootOf: directory.export)
    }

    /// Leaves the compound until `reason` is gone and then runs the current operation again.
    func wait(for reason: WaitReason) throws(NFSStatus) -> Never {
        waitsFor = reason
        throw .wouldBlock
    }
}
