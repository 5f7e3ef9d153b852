import NFSProtocol
import NFSState
import RPC
import RPCSecurity
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
        let parameters = try security.parameters(program: program, for: compound)
        // None of a session that was destroyed since.
        let channel = compound.server.backChannels.find(session)
        channel?.change(to: parameters)
        compound.afterReply = { channel?.parametersChanged() }
    }
}

/// csa_sec_parms and bca_sec_parms: the credentials the server may use in calls to the client (RFC 8881 §18.33.1).
struct CallbackSecurity {
    /// More than any client has use for.
    private static let maximumCount = 64

    fileprivate enum Offer {
        case plain(flavor: UInt32, body: [UInt8])
        /// The server's handle, nil for one that is none of this server, and the client's, nil for one that no call can carry.
        case context(GSSService, GSSHandle?, [UInt8]?)
    }

    private var offers: [Offer] = []
    private let isTooLong: Bool

    init(from request: inout XDRReader) throws(XDRError) {
        let count = try request.count(maximum: request.remaining / 4)
        isTooLong = count > Self.maximumCount
        guard !isTooLong else { return }
        for _ in 0..<count { offers.append(try Offer(from: &request)) }
    }

    /// - Throws: `inval` for a longer list than any client has use for, and for a client's handle that does not fit into a credential or is
    ///   none; `noent` for a context that the server has not made for the principal of the request (§18.33.3, §18.36.3), since
    ///   whatever the server signs in a context it signs for the one who made it.
    func parameters(program: UInt32, for compound: Compound) throws(NFSStatus) -> CallbackParameters {
        guard !isTooLong else { throw .inval }
        var credentials: [CallbackCredential] = []
        for offer in offers {
            switch offer {
            case .plain(let flavor, let body): credentials.append(.plain(flavor: flavor, body: body))
            case .context(let service, let server, let client):
                guard let client else { throw .inval }
                guard let server, let context = compound.context(named: server) else { throw .noent }
                credentials.append(.context(GSSBackContext(context, service: service, handle: client)))
            }
        }
        return CallbackParameters(program: program, offering: credentials)
    }
}

extension CallbackSecurity.Offer {
    /// callback_sec_parms4.
    fileprivate init(from request: inout XDRReader) throws(XDRError) {
        switch try request.uint32() {
        case 0: self = .plain(flavor: 0, body: [])
        case 1:  // AUTH_SYS
            let start = request.offset
            _ = try AuthSys(from: &request)
            let body = request.record.extracting(start..<request.offset)
            self = .plain(flavor: 1, body: body.withUnsafeBytes { Array($0) })
        case 6:  // RPCSEC_GSS
            guard let service = GSSService(rawValue: try request.uint32()) else { throw .invalid }
            let server = GSSHandle(try request.opaque(maximum: request.remaining))
            let client = try request.opaque(maximum: request.remaining)
            let fits = (1...GSSCredential.longestHandle).contains(client.byteCount)
            self = .context(service, server, fits ? client.withUnsafeBytes { Array($0) } : nil)
        default: throw .invalid
        }
    }
}

extension Compound {
    /// A context of the principal that makes the request.
    fileprivate func context(named handle: GSSHandle) -> GSSContext? {
        exchange.flatMap { server.kerberos?.acceptor.context(handle, of: $0.context.principal) }
    }
}
