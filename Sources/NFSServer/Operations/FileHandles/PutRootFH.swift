import NFSProtocol
import XDR

/// PUTROOTFH: make the root of the name space current (RFC 8881 §18.21).
struct PutRootFH: Operation {
    static var code: OperationCode { .putrootfh }

    init(from request: inout XDRReader) throws(XDRError) {}

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        try compound.put(compound.exports.nameSpace.root(admitting: compound.isAdmitted))
    }
}
