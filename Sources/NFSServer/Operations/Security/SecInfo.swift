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
        SecurityFlavors.encode(of: file.export, to: &reply)
        // A client that learned how to come in has to come in anew (§2.6.3.1.1.8).
        compound.currentFile = nil
        compound.currentStateID = nil
    }
}

/// The flavors an export accepts, best first.
enum SecurityFlavors {
    private static let authSys: UInt32 = 1
    private static let authNone: UInt32 = 0

    static func encode(of export: Export, to reply: inout XDRWriter) {
        let flavors = export.isPseudo ? [authSys, authNone] : [authSys]
        reply.uint32(UInt32(flavors.count))
        for flavor in flavors { reply.uint32(flavor) }
    }
}
