import NFSProtocol
import XDR

/// LOOKUP: make a named entry of the current directory current (RFC 8881 §18.13).
struct Lookup: Operation, ~Escapable {
    static var code: OperationCode { .lookup }
    let name: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        name = try request.opaque(maximum: request.remaining)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let directory = try compound.directory()
        try compound.enter(compound.lookup(compound.name(name, in: directory)))
    }
}
