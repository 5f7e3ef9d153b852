import NFSProtocol
import XDR

/// DESTROY_SESSION: end a session (RFC 8881 §18.37). Calls to the client that it has not answered end with it.
struct DestroySession: Operation {
    static var code: OperationCode { .destroySession }
    static var place: OperationPlace { .inSessionOrAlone }
    private let sessionID: SessionID

    init(from request: inout XDRReader) throws(XDRError) {
        sessionID = try SessionID(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let session = try compound.server.sessions.find(sessionID)
        // Its own session a compound can only end as its last act.
        guard session !== compound.session || compound.operationsLeft == 1 else { throw .notOnlyOp }
        try session.client.check(.destroySession, by: compound.principal)
        guard session.isBound(compound.context.id) else { throw .connNotBoundToSession }
        try compound.server.clients.withLock { clients throws(NFSStatus) in _ = try clients.destroySession(sessionID) }
        compound.server.backChannels.remove(session)
    }
}
