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
        _ = try compound.directory()
        _ = try compound.lookup(FileName(validating: name))
        SecurityFlavors.encode(to: &reply)
        // A client that learned how to come in has to come in anew (§2.6.3.1.1.8).
        compound.currentFile = nil
        compound.currentStateID = nil
    }
}

/// The flavors every export accepts, best first.
enum SecurityFlavors {
    static func encode(to reply: inout XDRWriter) {
        reply.uint32(1)
        reply.uint32(1)  // AUTH_SYS
    }
}
