import NFSProtocol
import XDR

/// RENAME: move an entry of the saved directory into the current one (RFC 8881 §18.26). During grace it waits, as it may
/// remove what it replaces.
struct Rename: Operation, ~Escapable {
    static var code: OperationCode { .rename }
    static var reservedReply: Int { 56 }
    static var isBrief: Bool { true }
    private let oldName: RawSpan
    private let newName: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        oldName = try request.opaque(maximum: request.remaining)
        newName = try request.opaque(maximum: request.remaining)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let source = try compound.saved()
        let target = try compound.directory(symbolicLink: .notdir)
        guard source.node.type == .directory else { throw .notdir }
        let oldName = try compound.name(oldName, in: source)
        let newName = try compound.name(newName, in: target)
        guard source.export === target.export else { throw .xdev }
        try compound.requireWritable(target)
        try compound.requireNoGrace()
        do throws(NFSStatus) {
            try compound.requireRemovable(newName, from: target)
        } catch .noent {
            // Nothing is replaced.
        }
        let changes = try source.node.rename(oldName, to: target.node, as: newName, compound.changer(of: target))
        changes.source.encode(to: &reply)
        changes.target.encode(to: &reply)
    }
}
