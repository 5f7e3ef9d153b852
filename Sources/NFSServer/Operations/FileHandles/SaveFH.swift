import NFSProtocol
import XDR

/// SAVEFH: save the current filehandle and stateid (RFC 8881 §18.28).
struct SaveFH: Operation {
    static var code: OperationCode { .savefh }

    init(from request: inout XDRReader) throws(XDRError) {}

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        compound.savedFile = try compound.fileWithoutAdmission()
        compound.savedStateID = compound.currentStateID
    }
}
