import NFSProtocol
import XDR

/// BACKCHANNEL_CTL: change how the session's back channel is to be used (RFC 8881 §18.33).
struct BackchannelCtl: Operation {
    static var code: OperationCode { .backchannelCtl }
    private let program: UInt32

    init(from request: inout XDRReader) throws(XDRError) {
        program = try request.uint32()
        try CallbackSecurity.skip(&request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        compound.session?.setCallbackProgram(program)
    }
}
