import NFSProtocol
import NFSState
import XDR

/// BIND_CONN_TO_SESSION: use this connection for a session, in one direction or both (RFC 8881 §18.34).
struct BindConnToSession: Operation {
    static var code: OperationCode { .bindConnToSession }
    static var place: OperationPlace { .alone }
    static var reservedReply: Int { 40 }

    private let sessionID: SessionID
    private let direction: Session.Direction

    init(from request: inout XDRReader) throws(XDRError) {
        sessionID = try SessionID(from: &request)
        guard let direction = Session.Direction(rawValue: try request.uint32()) else { throw .invalid }
        self.direction = direction
        _ = try request.bool()  // bctsa_use_conn_in_rdma_mode
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let session = try compound.server.sessions.find(sessionID)
        try session.client.check(.bindConnToSession, by: compound.principal)
        let channels = try session.bind(compound.context.id, direction)
        compound.use(session, for: channels)
        sessionID.encode(to: &reply)
        reply.uint32(UInt32(channels.rawValue))  // channel_dir_from_server4
        reply.bool(false)
    }
}

extension Compound {
    /// Notes that its connection was bound to a session, and uses it for calls once the client knows of it.
    func use(_ session: Session, for channels: Session.Channels) {
        context.remember(session)
        guard channels.contains(.back) else { return }
        afterReply = { [server, context] in server.backChannels.find(session)?.bind(context.path) }
    }
}
