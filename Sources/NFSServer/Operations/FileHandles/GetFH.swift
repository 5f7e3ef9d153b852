import NFSProtocol
import XDR

/// GETFH: tell the current filehandle (RFC 8881 §18.8).
struct GetFH: Operation {
    static var code: OperationCode { .getfh }

    init(from request: inout XDRReader) throws(XDRError) {}

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        try compound.fileWithoutAdmission().wireHandle.withBytes { reply.opaque($0) }
    }
}
