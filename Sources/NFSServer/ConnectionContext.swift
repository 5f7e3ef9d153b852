import FileSystem
import NFSState
import RPC
import RPCSecurity
import Synchronization

/// What the server keeps with each connection. Only the connection's own thread changes `credentials` and
/// `securityContexts`.
final class ConnectionContext: @unchecked Sendable {
    private static let lastID = Atomic<ConnectionID>(0)

    /// The connection as a way for calls to the client.
    let path: CallbackPath
    var credentials = CredentialCache()
    var securityContexts = RecentContexts()
    /// The session of the last SEQUENCE: nearly always that of the next one too.
    private let lastSession = Mutex<Session?>(nil)
    /// Sessions this connection was bound to, to be told when it closes.
    private let boundSessions = Mutex<[Session]>([])
    private let peer: PeerAddress
    /// What the client has of the name space in force; nil until it asks.
    private let view = Mutex<NameSpaceView?>(nil)

    init(_ connection: any RPCConnection) {
        peer = connection.peer
        path = CallbackPath(id: Self.lastID.add(1, ordering: .relaxed).newValue, over: connection)
    }

    var id: ConnectionID { path.id }

    var session: Session? {
        get { lastSession.withLock { $0 } }
        set { lastSession.withLock { $0 = newValue } }
    }

    /// The name space in force, as this client has it.
    func exports(of server: NFSServer) -> NameSpaceView {
        view.withLock { view in
            if let view { return view }
            // Under the lock, so that a name space that is replaced meanwhile is either not seen or forgotten.
            let made = NameSpaceView(server.nameSpace.current, from: peer)
            view = made
            return made
        }
    }

    /// The name space is another from now on.
    func forgetExports() { view.withLock { $0 = nil } }

    /// Notes that the connection is bound to `session`.
    func remember(_ session: Session) {
        boundSessions.withLock { sessions in
            sessions.removeAll { $0.isDestroyed }
            if !sessions.contains(where: { $0 === session }) { sessions.append(session) }
        }
    }

    /// The connection is closed.
    /// - Returns: the sessions it was bound to.
    func unbind() -> [Session] {
        let sessions = boundSessions.withLock { sessions in
            defer { sessions = [] }
            return sessions
        }
        for session in sessions { session.unbind(id) }
        session = nil
        return sessions
    }
}
