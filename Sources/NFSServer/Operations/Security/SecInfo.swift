import NFSProtocol
import RPC
import XDR

/// SECINFO: tell which security flavors are accepted for a named entry (RFC 8881 §18.29).
struct SecInfo: Operation, ~Escapable {
    static var code: OperationCode { .secinfo }
    private let name: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        name = try request.opaque(maximum: request.remaining)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let directory = try compound.directory(symbolicLink: .notdir)
        let file = try compound.lookup(compound.name(name, in: directory))
        try compound.admit(to: file.export)
        compound.encodeFlavors(of: file.export, to: &reply)
        // A client that learned how to come in has to come in anew (§2.6.3.1.1.8).
        compound.currentFile = nil
        compound.currentStateID = nil
    }
}

extension Compound {
    /// Writes SECINFO4resok: the flavors an export accepts from the client, best first.
    func encodeFlavors(of export: Export, to reply: inout XDRWriter) {
        let flavors = exports.flavors(of: export)
        reply.uint32(UInt32(flavors.count))
        for flavor in flavors { flavor.encodeSecInfo(to: &reply) }
    }
}

extension SecurityFlavor {
    /// 1.2.840.113554.1.2.2, Kerberos V5 (RFC 4121 §1), in DER.
    private static let kerberos: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02]

    /// Writes secinfo4: of RPCSEC_GSS with the mechanism, the default quality of protection and the service.
    fileprivate func encodeSecInfo(to reply: inout XDRWriter) {
        switch self {
        case .none: reply.uint32(0)
        case .sys: reply.uint32(1)
        case .krb5, .krb5i, .krb5p:
            reply.uint32(6)
            reply.opaque(Self.kerberos)
            reply.uint32(0)
            reply.uint32(self == .krb5 ? 1 : self == .krb5i ? 2 : 3)
        }
    }
}
