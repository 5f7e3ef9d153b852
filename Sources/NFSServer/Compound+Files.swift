import FileSystem
import NFSProtocol
import XDR

extension Compound {
    /// The current filehandle's file.
    /// - Throws: `nofilehandle`; `access` where the client is not admitted: PUTFH and its like have no such status (§15.2), so
    ///   whatever works on the file says it.
    func file() throws(NFSStatus) -> CurrentFile {
        let file = try fileWithoutAdmission()
        try admit(to: file.export)
        return file
    }

    /// The current filehandle's file for operations that only name it or give back what is held there, which stays possible for a
    /// client that is not admitted any more.
    /// - Throws: `nofilehandle`.
    func fileWithoutAdmission() throws(NFSStatus) -> CurrentFile {
        guard let currentFile else { throw .nofilehandle }
        return currentFile
    }

    /// The current filehandle's file, which must be a directory.
    /// - Parameter symbolicLink: what the operation says of a symbolic link: not all have NFS4ERR_SYMLINK (RFC 8881 §15.2).
    /// - Throws: `nofilehandle`, `notdir` and `symbolicLink`.
    func directory(symbolicLink: NFSStatus = .symlink) throws(NFSStatus) -> CurrentFile {
        let file = try file()
        switch file.node.type {
        case .directory: return file
        case .symbolicLink: throw symbolicLink
        default: throw .notdir
        }
    }

    /// The name an operation gives for an entry of `directory`.
    /// - Throws: as `FileName.init(validating:)`, and `inval` for what is not UTF-8 where nothing else is taken (§14.5).
    func name(_ bytes: RawSpan, in directory: CurrentFile) throws(NFSStatus) -> FileName {
        let name = try FileName(validating: bytes)
        try requireText(bytes, in: directory)
        return name
    }

    /// - Throws: `inval` for what is not UTF-8 in an export that takes nothing else.
    func requireText(_ bytes: RawSpan, in directory: CurrentFile) throws(NFSStatus) {
        guard directory.export.rules.takesUTF8Only else { return }
        guard bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) != nil }) else { throw .inval }
    }

    /// The current filehandle's file, which must be a regular file.
    /// - Throws: `nofilehandle`, `isdir`, `symlink` and `wrongType` (RFC 8881 §18.22.3).
    func regularFile() throws(NFSStatus) -> CurrentFile {
        let file = try file()
        try requireRegular(file)
        return file
    }

    /// - Throws: `isdir`, `symlink` and `wrongType`.
    func requireRegular(_ file: CurrentFile) throws(NFSStatus) {
        switch file.node.type {
        case .regular: break
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
        try requireFlavor(of: file.export)
        setCurrent(file)
    }

    /// Whether the export lets the client in at all.
    func isAdmitted(to export: Export) -> Bool { exports.admits(to: export) }

    /// - Throws: `access` for a client that is not admitted, and for a caller who may do nothing there; `delay` while the export or the
    ///   server is held.
    func admit(to export: Export) throws(NFSStatus) {
        guard !server.isHeld else { throw .delay }
        guard exports.admits(identity, to: export) else { throw export.isHeld ? .delay : .access }
    }

    /// - Throws: `wrongsec` when the export does not accept the flavor of the request.
    func requireFlavor(of export: Export) throws(NFSStatus) {
        guard exports.accepts(flavor, on: export) else { throw wrongFlavor(for: export) }
    }

    /// WRONGSEC, which users see as "Operation not permitted" at best: what the export wants is in the log, once for each connection.
    private func wrongFlavor(for export: Export) -> NFSStatus {
        if exports.isFirstRefusal(of: flavor, on: export) {
            server.log.notice(
                "refused: mount it with sec= one of those it accepts",
                metadata: [
                    "client": "\(connection.peer)", "export": "\(export.pseudoPath)", "sec": "\(flavor)",
                    "accepts": "\(exports.flavors(of: export).map(\.rawValue).joined(separator: ","))",
                ])
        }
        return .wrongsec
    }

    /// Makes `file` current for PUTFH and its like, which answer for the flavor where what follows cannot.
    /// - Throws: `wrongsec`; `wouldBlock` and `delay` while it is not known who asks.
    func put(_ file: CurrentFile) throws(NFSStatus) {
        try identify()
        guard exports.accepts(flavor, on: file.export) || !isFlavorForPutToCheck else { throw wrongFlavor(for: file.export) }
        setCurrent(file)
    }

    /// Learns who asks where the machine has to be asked for it: before the first operation on a file.
    private func identify() throws(NFSStatus) {
        guard !isIdentified else { return }
        if let exchange {
            identity = try server.identities.identity(of: exchange.context.principal, mayBlock: mayBlock)
        } else if case .user(let caller) = identity, server.identities.managesGroups {
            identity = .user(try server.identities.withGroups(caller, mayBlock: mayBlock))
        }
        isIdentified = true
    }

    /// Whether the operation behind this one, which puts a filehandle, neither checks the flavor itself, nor asks for the
    /// flavors that are accepted, nor puts another (RFC 8881 §2.6.3.1.1).
    private var isFlavorForPutToCheck: Bool {
        let record = record
        var request = XDRReader(record.bytes, at: argumentsEnd)
        for _ in 1..<max(operationsLeft, 1) {
            guard let number = try? request.uint32() else { return false }
            switch OperationCode(rawValue: number) {
            case .savefh: continue
            case .putfh, .putpubfh, .putrootfh, .restorefh, .lookup, .lookupp, .secinfo, .secinfoNoName: return false
            case .open: do { return try !Open(from: &request).claim.kind.isByName } catch { return true }
            case .some(let operation): return session?.client.allows(operation, by: principal) != true
            case nil: return true
            }
        }
        return false
    }

    /// Who makes a call into the file system of `file`.
    func caller(on file: CurrentFile) -> Caller { caller(on: file.export) }

    /// The same for a change of names: what it leaves is flushed when the operation is done, together with what others changed.
    func changer(of file: CurrentFile) -> Caller {
        let unflushed = unflushed ?? Unflushed()
        self.unflushed = unflushed
        return Caller(exports.credentials(for: identity, on: file.export), mayBlock: mayBlock, unflushed: unflushed)
    }

    func caller(on export: Export) -> Caller { Caller(exports.credentials(for: identity, on: export), mayBlock: mayBlock) }

    /// - Throws: `rofs` when nothing may be changed where `file` is.
    func requireWritable(_ file: CurrentFile) throws(NFSStatus) {
        if exports.isReadOnly(file.export) { throw .rofs }
    }

    /// - Throws: `fileOpen` when an open of the entry `name` denies others to write, which its removal would do
    ///   (RFC 8881 §18.25.4); what finding the entry fails with.
    func requireRemovable(_ name: FileName, from directory: CurrentFile) throws(NFSStatus) {
        guard server.files.mayHaveDenials else { return }
        let node = try directory.node.lookup(name, caller(on: directory))
        guard node.type == .regular else { return }
        let key = CurrentFile(node: node, export: directory.export).stateKey
        let holder = try server.files.withShard(of: key) { shard throws(NFSStatus) in
            shard.shareConflict(key, access: .write, deny: [])
        }
        guard let holder else { return }
        try displace(holder)
        throw .fileOpen
    }

    /// Looks up `name` in the current directory and crosses into an export that covers it.
    func lookup(_ name: FileName) throws(NFSStatus) -> CurrentFile {
        let directory = try directory()
        let node = try directory.node.lookup(name, caller(on: directory))
        return exports.nameSpace.crossing(CurrentFile(node: node, export: directory.export))
    }

    /// The directory above `directory`; nil above the root of the name space.
    func parent(of directory: CurrentFile) throws(NFSStatus) -> CurrentFile? {
        if let parent = try directory.node.parent(caller(on: directory)) {
            return CurrentFile(node: parent, export: directory.export)
        }
        return exports.nameSpace.parent(ofRootOf: directory.export)
    }

    /// Leaves the compound until `reason` is gone and then runs the current operation again.
    func wait(for reason: WaitReason) throws(NFSStatus) -> Never {
        waitsFor = reason
        throw .wouldBlock
    }
}
