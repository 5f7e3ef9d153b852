import NFSProtocol
import XDR

/// PUTPUBFH: make the public filehandle current, which here is the root (RFC 8881 §18.20).
struct PutPubFH: Operation {
    static var code: OperationCode { .putpubfh }

    init(from request: inout XDRReader) throws(XDRError) {}

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        try compound.put(compound.exports.nameSpace.root(admitting: compound.isAdmitted))
    }
}
