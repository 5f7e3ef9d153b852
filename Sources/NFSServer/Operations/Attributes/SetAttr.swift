import FileSystem
import NFSProtocol
import XDR

/// SETATTR: set attributes of the current file (RFC 8881 §18.30).
struct SetAttr: Operation, ~Escapable {
    static var code: OperationCode { .setattr }
    static var reservedReply: Int { 24 }
    private let stateID: StateID
    private let update: AttributeUpdate

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &request)
        update = try AttributeUpdate(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.file()
        let changes = try update.changes(.existingFile, of: file, in: compound)
        try compound.requireWritable(file)
        let steps = Self.steps(of: changes)
        // What is done must not be done again, so nothing may have to wait in the middle.
        guard steps.count <= 1 || compound.mayBlock else { throw .wouldBlock }
        for step in steps {
            if let size = step.changes.size { try setSize(size, of: file, compound) } else { try set(step.changes, of: file, compound) }
            compound.attributesSet = compound.attributesSet.union(step.attributes.intersection(update.attributes))
        }
        compound.attributesSet = AttributeSet()
        update.attributes.encode(to: &reply)
    }

    /// A new size is a WRITE to what it cuts off or adds, and needs the right to write that an open gave (§18.30.3).
    private func setSize(_ size: UInt64, of file: CurrentFile, _ compound: Compound) throws(NFSStatus) {
        guard file.node.type == .regular else { throw .wrongType }
        guard size <= UInt64(Int64.max) else { throw .fbig }
        try compound.openFile(stateID, of: file, .write).truncate(to: size, mayBlock: compound.mayBlock)
    }

    private func set(_ changes: AttributeChanges, of file: CurrentFile, _ compound: Compound) throws(NFSStatus) {
        try file.node.setAttributes(changes, compound.caller(on: file))
    }

    /// What is set together or not at all, in order. The owner comes before the mode, as a new owner takes the set-user-ID bit
    /// away, and the mode before the access control list (§6.4.1.3).
    private static func steps(of changes: AttributeChanges) -> [(changes: AttributeChanges, attributes: AttributeSet)] {
        [
            (AttributeChanges(size: changes.size), AttributeSet(.size)),
            (AttributeChanges(owner: changes.owner, group: changes.group), AttributeSet(.owner, .ownerGroup)),
            (AttributeChanges(mode: changes.mode), AttributeSet(.mode, .modeSetMasked)),
            (AttributeChanges(acl: changes.acl), AttributeSet(.acl)),
            (
                AttributeChanges(accessTime: changes.accessTime, modifyTime: changes.modifyTime),
                AttributeSet(.timeAccessSet, .timeModifySet)
            ),
        ].filter { !$0.changes.isEmpty }
    }

    /// What was set before something was refused.
    static func encodeFailure(_ status: NFSStatus, in compound: Compound, reply: inout XDRWriter) {
        compound.attributesSet.encode(to: &reply)
    }
}
