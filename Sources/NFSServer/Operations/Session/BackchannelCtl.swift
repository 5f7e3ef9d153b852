import NFSProtocol
import NFSState
import RPC
import XDR

/// BACKCHANNEL_CTL: change how the session's back channel is to be used (RFC 8881 §18.33).
struct BackchannelCtl: Operation {
    static var code: OperationCode { .backchannelCtl }
    private let program: UInt32
    private let security: CallbackSecurity

    init(from request: inout XDRReader) throws(XDRError) {
        program = try request.uint32()
        security = try CallbackSecurity(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        guard let session = compound.session else { throw .opNotInSession }
        guard security.namesOnly(contextsOf: compound.server) else { throw .noent }
        session.change(security.parameters(program: program))
        compound.afterReply = { compound.server.backChannels.find(session)?.parametersChanged() }
    }
}

/// csa_sec_parms and bca_sec_parms: the credentials the server may use in calls to the client (RFC 8881 §18.33.1).
struct CallbackSecurity {
    /// The first that can be used.
    private var credential: CallbackParameters.Credential?
    /// The contexts that are named, nil for a handle that is none of this server. They are not used for calls: every client known
    /// offers another credential beside them, and its calls carry nothing to be kept secret.
    private var contexts: [GSSHandle?] = []

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
                contexts.append(GSSHandle(try request.opaque(maximum: request.remaining)))
                _ = try request.opaque(maximum: request.remaining)
            default: throw .invalid
            }
        }
    }

    private mutating func offer(_ offered: CallbackParameters.Credential) {
        if credential == nil { credential = offered }
    }

    /// Whether there is nothing among them by which the server makes calls: it does not agree to a back channel then (§18.36.3).
    var offersContextsOnly: Bool { credential == nil && !contexts.isEmpty }

    /// Whether the server has made all contexts that are named. Else it is NFS4ERR_NOENT (§18.33.3, §18.36.3).
    func namesOnly(contextsOf server: NFSServer) -> Bool {
        contexts.allSatisfy { handle in handle.flatMap { server.kerberos?.acceptor.knows($0) } ?? false }
    }

    func parameters(program: UInt32) -> CallbackParameters { CallbackParameters(program: program, credential: credential) }
}
