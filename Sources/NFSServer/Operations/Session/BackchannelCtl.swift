import NFSProtocol
import NFSState
import RPC
import XDR

/// BACKCHANNEL_CTL: change how the session's back channel is to be used (RFC 8881 §18.33).
struct BackchannelCtl: Operation {
    static var code: OperationCode { .backchannelCtl }
    private let parameters: Result<CallbackParameters, NFSStatus>

    init(from request: inout XDRReader) throws(XDRError) {
        let program = try request.uint32()
        parameters = try CallbackSecurity(from: &request).parameters(program: program)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        guard let session = compound.session else { throw .opNotInSession }
        session.change(try parameters.get())
        compound.afterReply = { compound.server.backChannels.find(session)?.parametersChanged() }
    }
}

/// csa_sec_parms and bca_sec_parms: the credentials the server may use in calls to the client (RFC 8881 §18.33.1).
struct CallbackSecurity {
    /// The first that can be used.
    private var credential: CallbackParameters.Credential?
    /// Whether RPCSEC_GSS handles are named. The server has made none.
    private var namesHandles = false

    init(from request: inout XDRReader) throws(XDRError) {
        for _ in 0..<(try request.count(maximum: request.remaining / 4)) {
            switch try request.uint32() {
            case 0: offer(CallbackParameters.Credential(flavor: 0, body: []))
            case 1:  // AUTH_SYS
                let start = request.offset
                _ = try AuthSys(from: &request)
                let body = request.record.extracting(start..<request.offset)
                offer(CallbackParameters.Credential(flavor: 1, body: body.withUnsafeBytes { Array($0) }))
            case 6:  // RPCSEC_GSS
                _ = try request.uint32()
                _ = try request.opaque(maximum: request.remaining)
                _ = try request.opaque(maximum: request.remaining)
                namesHandles = true
            default: throw .invalid
            }
        }
    }

    private mutating func offer(_ offered: CallbackParameters.Credential) {
        if credential == nil { credential = offered }
    }

    /// - Returns: `noent` for an RPCSEC_GSS handle this server does not know (§18.33.3, §18.36.3).
    func parameters(program: UInt32) -> Result<CallbackParameters, NFSStatus> {
        namesHandles ? .failure(.noent) : .success(CallbackParameters(program: program, credential: credential))
    }
}
