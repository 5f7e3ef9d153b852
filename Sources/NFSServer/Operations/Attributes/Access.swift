import NFSProtocol
import XDR

/// ACCESS: tell which of the rights asked for the caller has (RFC 8881 §18.1).
struct Access: Operation {
    static var code: OperationCode { .access }
    private let wanted: AccessRights

    init(from request: inout XDRReader) throws(XDRError) {
        wanted = AccessRights(rawValue: try request.uint32())
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.file()
        guard wanted.isSubset(of: .all) else { throw .inval }
        // LOOKUP has no meaning but on a directory, EXECUTE none on one (§18.1.4): such a right is never told of.
        let meaningless: AccessRights = file.node.type == .directory ? .execute : [.lookup, .delete]
        let supported = wanted.subtracting(meaningless)
        var granted = try file.node.access(supported, compound.caller(on: file)).intersection(supported)
        if compound.exports.isReadOnly(file.export) { granted.subtract([.modify, .extend, .delete]) }
        reply.uint32(supported.rawValue)
        reply.uint32(granted.rawValue)
    }
}
