import NFSProtocol
import NFSState
import XDR

/// CREATE_SESSION: make a session and confirm the client (RFC 8881 §18.36).
struct CreateSession: Operation {
    static var code: OperationCode { .createSession }
    static var place: OperationPlace { .inSessionOrAlone }
    static var reservedReply: Int { 128 }

    private let request: CreateSessionRequest
    private let program: UInt32
    private let security: CallbackSecurity

    init(from request: inout XDRReader) throws(XDRError) {
        let clientID = ClientID(rawValue: try request.uint64())
        let sequence = try request.uint32()
        let flags = CreateSessionFlags(rawValue: try request.uint32())
        let fore = try ChannelAttributes(from: &request)
        let back = try ChannelAttributes(from: &request)
        program = try request.uint32()
        security = try CallbackSecurity(from: &request)
        self.request = CreateSessionRequest(clientID: clientID, sequence: sequence, flags: flags, fore: fore, back: back)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let server = compound.server
        let now = compound.now
        var request = request
        var callbacks = CallbackParameters(program: program, offering: [])
        do throws(NFSStatus) {
            callbacks = try security.parameters(program: program, for: compound)
        } catch {
            request.refusal = error
        }
        if let dropped = server.clients.withLock({ $0.makeRoomForSession(of: request.clientID, now: now) }) { server.drop(dropped) }
        let outcome = try server.clients.withLock { clients throws(NFSStatus) in
            let outcome = try clients.createSession(
                request, principal: compound.principal, connection: compound.context.id, now: now)
            if case .created(_, let session, _) = outcome { server.backChannels.add(session, callbacks) }
            return outcome
        }
        let result: CreateSessionResult
        switch outcome {
        case .created(let created, let session, let dropped):
            result = created
            let isNew = session.client.address.isEmpty
            session.client.setAddress("\(compound.connection.peer)")
            if isNew {
                server.log.info(
                    "client is here", metadata: ["client": "\(ClientName(session.client.owner))", "address": "\(session.client.address)"])
            }
            compound.use(session, for: result.channels)
            // The state of the client's life before goes now that the new one is confirmed.
            if let dropped { server.drop(dropped) }
        case .replay(let first):
            result = first
            // The connection of the first try may be gone; this one stands in for it.
            if let session = try? server.sessions.find(first.session) {
                session.adopt(compound.context.id, first.channels)
                compound.use(session, for: first.channels)
            }
        }
        result.session.encode(to: &reply)
        reply.uint32(result.sequence)
        reply.uint32(result.flags.rawValue)
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
