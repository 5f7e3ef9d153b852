import NFSProtocol
import NFSState
import XDR

/// BIND_CONN_TO_SESSION: use this connection for a session, in one direction or both (RFC 8881 §18.34).
struct BindConnToSession: Operation {
    static var code: OperationCode { .bindConnToSession }
    static var place: OperationPlace { .alone }
    static var reservedReply: Int { 40 }

    private let sessionID: SessionID
    /// channel_dir_from_client4.
    private let direction: UInt32

    init(from request: inout XDRReader) throws(XDRError) {
        sessionID = try SessionID(from: &request)
        direction = try request.uint32()
        guard [1, 2, 3, 7].contains(direction) else { throw .invalid }
        _ = try request.bool()  // bctsa_use_conn_in_rdma_mode
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let session = try compound.server.sessions.find(sessionID)
        // "Or both" is taken at its word: a connection more is a path more.
        let channels: Session.Channels =
            switch direction {
            case 1: .fore
            case 2: .back
            default: [.fore, .back]
            }
        compound.context.bind(to: session, channels)
        sessionID.encode(to: &reply)
        reply.uint32(UInt32(channels.rawValue))  // channel_dir_from_server4
        reply.bool(false)
    }
}
