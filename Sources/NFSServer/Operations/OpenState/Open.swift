import FileSystem
import NFSProtocol
import NFSState
import XDR

/// OPEN: open a regular file, making it first if need be (RFC 8881 §18.16).
struct Open: Operation, ~Escapable {
    static var code: OperationCode { .open }
    static var reservedReply: Int { 128 }
    static var isBrief: Bool { true }

    /// NFS4_OPAQUE_LIMIT (RFC 8881 §3.1).
    private static let maximumOwner = 1024

    let access: ShareAccess
    let deny: ShareAccess
    /// OPEN4_SHARE_ACCESS_WANT_*: what the client would like in the way of delegations.
    let wants: OpenWants
    let owner: RawSpan
    let how: OpenHow
    let claim: OpenClaim

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        _ = try request.uint32()  // seqid of NFSv4.0
        let shareAccess = try request.uint32()
        access = ShareAccess(rawValue: shareAccess & ~OpenWants.mask)
        wants = OpenWants(rawValue: shareAccess & OpenWants.mask)
        deny = ShareAccess(rawValue: try request.uint32())
        _ = try request.uint64()  // the session tells the client
        owner = try request.opaque(maximum: Self.maximumOwner)
        how = try OpenHow(from: &request)
        claim = try OpenClaim(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        guard !access.isEmpty, access.isSubset(of: .both), deny.isSubset(of: .both), wants.isValid else { throw .inval }
        // Only the claims with a name can create (§18.16.3).
        guard how.creation == nil || claim.kind.isByName else { throw .inval }
        if !deny.isEmpty { compound.server.files.noteDenial() }
        let opened: Opened
        switch claim.kind {
        case .null: opened = try openByName(compound)
        case .filehandle: opened = try openCurrent(compound)
        case .previous(let delegation): opened = try reclaim(delegation, compound)
        case .delegateCurrent, .delegatePrevious: try refuseDelegation(at: directory(compound))
        case .delegateCurrentFilehandle, .delegatePreviousFilehandle: try refuseDelegation(at: compound.regularFile())
        }
        compound.setCurrent(opened.file)
        compound.currentStateID = opened.stateID
        opened.stateID.encode(to: &reply)
        opened.change.encode(to: &reply)
        // OPEN4_RESULT_LOCKTYPE_POSIX, OPEN4_RESULT_MAY_NOTIFY_LOCK
        reply.uint32(try compound.server.canCall(compound.client()) ? 0x24 : 0x4)
        opened.attributesSet.encode(to: &reply)
        wants.encodeNoDelegation(to: &reply)
    }

    /// What an OPEN came to.
    struct Opened {
        var file: CurrentFile
        var stateID: StateID
        /// Says nothing where the claim has no directory.
        var change = ChangeInfo(atomic: false, before: 0, after: 0)
        var attributesSet = AttributeSet()
    }

    // MARK: The claims

    /// CLAIM_FH: the current file itself.
    private func openCurrent(_ compound: Compound) throws(NFSStatus) -> Opened {
        let file = try compound.regularFile()
        try check(file, compound)
        try compound.requireNewStateAllowed()
        return Opened(file: file, stateID: try share(file, try file.node.open(access, compound.caller(on: file)), compound))
    }

    /// CLAIM_PREVIOUS: the current file, which was open before the server restarted (RFC 8881 §8.4.2.1, §9.11).
    private func reclaim(_ delegation: DelegationType, _ compound: Compound) throws(NFSStatus) -> Opened {
        let file = try compound.regularFile()
        try compound.requireReclaimAllowed()
        switch delegation {
        case .none: break
        case .read, .write: throw .reclaimBad  // none was ever granted (§15.1.9.4)
        case .noneExtended: throw .inval
        }
        try check(file, compound)
        // Its owner may have taken rights away from itself since.
        return Opened(file: file, stateID: try share(file, try compound.openOverriding(file, access), compound))
    }

    /// The claims on a delegation. Nobody holds one, and none outlived a restart of its client; NFS4ERR_NOTSUPP is no status
    /// of OPEN (§15.2).
    private func refuseDelegation(at file: CurrentFile) throws(NFSStatus) -> Never {
        switch claim.kind {
        case .delegatePrevious, .delegatePreviousFilehandle: throw .reclaimBad
        default: throw .badStateid
        }
    }

    /// The directory an entry is opened in. A symbolic link is none either (§18.16.4).
    private func directory(_ compound: Compound) throws(NFSStatus) -> CurrentFile {
        let file = try compound.file()
        guard file.node.type == .directory else { throw .notdir }
        return file
    }

    /// CLAIM_NULL: an entry of the current directory.
    private func openByName(_ compound: Compound) throws(NFSStatus) -> Opened {
        let directory = try directory(compound)
        let name = try compound.name(claim.name, in: directory)
        try compound.requireFlavor(of: directory.export)
        try compound.requireNewStateAllowed()
        guard let creation = how.creation else {
            let file = try compound.lookup(name)
            return try openEntry(file, of: directory, compound)
        }
        // Whatever is made stays made: from here on nothing may have to be run again.
        guard compound.mayBlock else { throw .wouldBlock }
        for _ in 0..<8 {
            if let file = try existing(name, compound) { return try openExisting(file, of: directory, creation, compound) }
            if let opened = try create(name, in: directory, creation, compound) { return opened }
            // Somebody else made it in between: look again.
        }
        throw .delay
    }

    private func existing(_ name: FileName, _ compound: Compound) throws(NFSStatus) -> CurrentFile? {
        do throws(NFSStatus) {
            return try compound.lookup(name)
        } catch {
            guard error == .noent else { throw error }
            return nil
        }
    }

    /// Opens an entry that is there, without making anything.
    private func openEntry(
        _ file: CurrentFile, of directory: CurrentFile, truncating: Bool = false, _ compound: Compound
    ) throws(NFSStatus) -> Opened {
        try check(file, truncating: truncating, compound)
        let change = try unchanged(directory, compound)
        let resource = try file.node.open(access, compound.caller(on: file))
        let stateID = truncating ? try shareEmptied(file, resource, compound) : try share(file, resource, compound)
        return Opened(file: file, stateID: stateID, change: change, attributesSet: truncating ? AttributeSet(.size) : AttributeSet())
    }

    // MARK: Creation

    private func openExisting(
        _ file: CurrentFile, of directory: CurrentFile, _ creation: OpenCreation, _ compound: Compound
    ) throws(NFSStatus) -> Opened {
        switch creation.mode {
        case .guarded: throw .exist
        case .exclusive:
            // A retry finds the file its first try made, by the verifier kept in it (§18.16.3).
            let caller = compound.caller(on: file)
            let attributes = try file.node.attributes(caller)
            guard file.node.type == .regular, creation.made(attributes, by: try compound.client()) else { throw .exist }
            try check(file, compound)
            // Times prove nothing: anybody can see them and name them as a verifier. Who made the file owns it.
            let isMaker = attributes.owner == caller.credentials.uid
            let resource = try isMaker ? file.node.openGranted(access, caller) : file.node.open(access, caller)
            var opened = Opened(file: file, stateID: try share(file, resource, compound))
            opened.change = try unchanged(directory, compound)
            opened.attributesSet = creation.attributesSet
            return opened
        case .unchecked:
            // Of the attributes only a size of zero counts for a file that is there (§18.16.3).
            return try openEntry(
                file, of: directory, truncating: try creation.changes(in: directory, by: compound.client(), compound).size == 0, compound)
        }
    }

    /// - Returns: nil when the name was taken meanwhile.
    private func create(
        _ name: FileName, in directory: CurrentFile, _ creation: OpenCreation, _ compound: Compound
    ) throws(NFSStatus) -> Opened? {
        let changes = try creation.changes(in: directory, by: compound.client(), compound)
        try compound.requireWritable(directory)
        let node: any Node
        let change: ChangeInfo
        do throws(NFSStatus) {
            (node, change) = try directory.node.create(name, .regular, changes, compound.changer(of: directory))
        } catch {
            guard error == .exist else { throw error }
            return nil
        }
        let file = CurrentFile(node: node, export: directory.export)
        // Who made the file may open it, whatever mode it was given: open(2) is one step, this is two.
        let resource = try node.openGranted(access, compound.caller(on: directory))
        // Run again, it would take the new file for an old one: nobody who came in between is displaced.
        guard case .granted(let stateID, _) = try enter(file, resource, owner.bytes, compound) else { throw .shareDenied }
        return Opened(file: file, stateID: stateID, change: change, attributesSet: creation.attributesSet)
    }

    // MARK: What all have in common

    private func check(_ file: CurrentFile, truncating: Bool = false, _ compound: Compound) throws(NFSStatus) {
        switch file.node.type {
        case .regular: break
        case .directory: throw .isdir
        case .symbolicLink: throw .symlink
        default: throw .wrongType
        }
        if access.contains(.write) || truncating { try compound.requireWritable(file) }
    }

    /// Enters the open into the table of opens.
    private func share(_ file: CurrentFile, _ resource: any OpenFile, _ compound: Compound) throws(NFSStatus) -> StateID {
        switch try enter(file, resource, owner.bytes, compound) {
        case .granted(let stateID, _): return stateID
        case .conflict(let holder): try refuse(holder, compound)
        }
    }

    /// Empties the file and enters the open.
    ///
    /// A reservation of nobody's stands meanwhile: nothing is destroyed by an OPEN that is then denied, and an owner that has
    /// the file open already keeps that open, and its seqid, when the truncation fails.
    private func shareEmptied(_ file: CurrentFile, _ resource: any OpenFile, _ compound: Compound) throws(NFSStatus) -> StateID {
        let nobody = Self.unusedOwner(compound)
        let hold: StateID
        // Who denies writing denies this, whatever access is asked for.
        switch try enter(file, resource, nobody, access: access.union(.write), compound) {
        case .granted(let stateID, _): hold = stateID
        case .conflict(let holder): try refuse(holder, compound)
        }
        let truncation = Result { () throws(NFSStatus) in
            try file.node.setAttributes(AttributeChanges(size: 0), compound.caller(on: file))
        }
        let client = try compound.client()
        let key = file.stateKey
        let now = compound.now
        let (released, outcome) = try compound.server.files.withShard(of: key) { shard throws(NFSStatus) in
            let released = try? shard.close(hold, of: key, client: client, now: now)
            // Revoked meanwhile: the client knows no name to free it by.
            if released == nil { try? shard.free(hold, client: client) }
            let outcome = truncation.flatMap { () in
                Result { () throws(NFSStatus) in
                    try shard.open(key, client: client, owner: owner.bytes, access: access, deny: deny, resource: resource)
                }
            }
            return (released, outcome)
        }
        compound.server.notify(released?.freed ?? [])
        guard case .granted(let stateID, _) = try outcome.get() else { throw .shareDenied }
        return stateID
    }

    /// An open-owner longer than a client's can be, different for each OPEN under way.
    private static func unusedOwner(_ compound: Compound) -> [UInt8] {
        [UInt8](repeating: 0, count: maximumOwner + 1) + withUnsafeBytes(of: ObjectIdentifier(compound)) { [UInt8]($0) }
    }

    private func enter(
        _ file: CurrentFile, _ resource: any OpenFile, _ owner: [UInt8], access: ShareAccess? = nil, _ compound: Compound
    ) throws(NFSStatus) -> OpenOutcome {
        let client = try compound.client()
        let key = file.stateKey
        return try compound.server.files.withShard(of: key) { shard throws(NFSStatus) in
            try shard.open(key, client: client, owner: owner, access: access ?? self.access, deny: deny, resource: resource)
        }
    }

    /// Refuses the open for a share reservation of `holder`, unless its lease has run out.
    private func refuse(_ holder: Client, _ compound: Compound) throws(NFSStatus) -> Never {
        guard !claim.kind.isReclaim else { throw .reclaimConflict }
        try compound.displace(holder)
        throw .shareDenied
    }

    private func unchanged(_ directory: CurrentFile, _ compound: Compound) throws(NFSStatus) -> ChangeInfo {
        let change = try directory.node.attributes(compound.caller(on: directory)).change
        return ChangeInfo(atomic: true, before: change, after: change)
    }
}

extension RawSpan {
    fileprivate var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}
