import NFSProtocol
import XDR

/// RESTOREFH: make the saved filehandle and stateid current again (RFC 8881 §18.27).
struct RestoreFH: Operation {
    static var code: OperationCode { .restorefh }

    init(from request: inout XDRReader) throws(XDRError) {}

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        try compound.put(compound.saved())
        compound.currentStateID = compound.savedStateID
    }
}
