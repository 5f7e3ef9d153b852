import NFSProtocol
import XDR

/// GETATTR: tell attributes of the current file (RFC 8881 §18.7).
struct GetAttr: Operation {
    static var code: OperationCode { .getattr }
    private let wanted: AttributeSet

    init(from request: inout XDRReader) throws(XDRError) {
        wanted = try AttributeSet(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.file()
        guard wanted.intersection(AttributeSupport.writeOnly).isEmpty else { throw .inval }
        let source = try AttributeSource(file, wanted: wanted, server: compound.server, caller: compound.caller(on: file))
        source.encode(wanted, to: &reply)
    }
}
