import NFSProtocol
import NFSState
import XDR

/// CREATE_SESSION: make a session and confirm the client (RFC 8881 §18.36).
struct CreateSession: Operation {
    static var code: OperationCode { .createSession }
    static var place: OperationPlace { .inSessionOrAlone }
    static var reservedReply: Int { 128 }

    /// csa_flags and csr_flags.
    private enum Flag {
        static let persist: UInt32 = 1
        static let backChannel: UInt32 = 2
        static let rdma: UInt32 = 4
        static let known = persist | backChannel | rdma
    }

    private let flags: UInt32
    private let request: CreateSessionRequest

    init(from request: inout XDRReader) throws(XDRError) {
        let clientID = ClientID(rawValue: try request.uint64())
        let sequence = try request.uint32()
        flags = try request.uint32()
        let fore = try ChannelAttributes(from: &request)
        let back = try ChannelAttributes(from: &request)
        let program = try request.uint32()
        try CallbackSecurity.skip(&request)
        self.request = CreateSessionRequest(
            clientID: clientID, sequence: sequence, hasBackChannel: flags & Flag.backChannel != 0, fore: fore, back: back,
            callbackProgram: program)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        guard flags & ~Flag.known == 0 else { throw .inval }
        let server = compound.server
        let now = compound.now
        if let dropped = server.clients.withLock({ $0.makeRoomForSession(of: request.clientID, now: now) }) { server.drop(dropped) }
        let outcome = try server.clients.withLock { clients throws(NFSStatus) in
            try clients.createSession(request, principal: compound.principal, connection: compound.context.id, now: now)
        }
        let result: CreateSessionResult
        switch outcome {
        case .created(let created, let session, let dropped):
            result = created
            session.client.setAddress("\(compound.connection.peer)")
            compound.context.bind(to: session, result.hasBackChannel ? [.fore, .back] : .fore)
            // The state of the client's life before goes now that the new one is confirmed.
            if let dropped { server.drop(dropped) }
        case .replay(let first): result = first
        }
        result.session.encode(to: &reply)
        reply.uint32(result.sequence)
        reply.uint32(result.hasBackChannel ? Flag.backChannel : 0)
        result.fore.encode(to: &reply)
        result.back.encode(to: &reply)
    }
}

extension ChannelAttributes {
    /// channel_attrs4 (RFC 8881 §18.36.1).
    init(from request: inout XDRReader) throws(XDRError) {
        self.init(
            headerPadding: try request.uint32(), maximumRequest: try request.uint32(), maximumResponse: try request.uint32(),
            maximumCachedResponse: try request.uint32(), maximumOperations: try request.uint32(), maximumRequests: try request.uint32())
        for _ in 0..<(try request.count(maximum: 1)) { _ = try request.uint32() }  // ca_rdma_ird
    }

    func encode(to reply: inout XDRWriter) {
        reply.uint32(headerPadding)
        reply.uint32(maximumRequest)
        reply.uint32(maximumResponse)
        reply.uint32(maximumCachedResponse)
        reply.uint32(maximumOperations)
        reply.uint32(maximumRequests)
        reply.uint32(0)  // ca_rdma_ird
    }
}

/// callback_sec_parms4: the credentials the server may use in calls to the client (RFC 8881 §18.33.1).
enum CallbackSecurity {
    /// Reads past them.
    static func skip(_ request: inout XDRReader) throws(XDRError) {
        for _ in 0..<(try request.count(maximum: 16)) {
            switch try request.uint32() {
            case 0: break
            case 1:  // AUTH_SYS
                _ = try request.uint32()
                _ = try request.opaque(maximum: 255)
                _ = try request.uint64()
                for _ in 0..<(try request.count(maximum: 16)) { _ = try request.uint32() }
            case 6:  // RPCSEC_GSS
                _ = try request.uint32()
                _ = try request.opaque(maximum: request.remaining)
                _ = try request.opaque(maximum: request.remaining)
            default: throw .invalid
            }
        }
    }
}
