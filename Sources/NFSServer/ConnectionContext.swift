import FileSystem
import NFSState
import RPC
import Synchronization

/// What the server keeps with each connection. Only the connection's own thread changes `credentials`.
final class ConnectionContext: @unchecked Sendable {
    private static let lastID = Atomic<ConnectionID>(0)

    let id: ConnectionID
    var credentials = CredentialCache()
    /// The session of the last SEQUENCE: nearly always that of the next one too.
    private let lastSession = Mutex<Session?>(nil)
    /// Sessions this connection was bound to, to be told when it closes.
    private let boundSessions = Mutex<[Session]>([])

    init() { id = Self.lastID.add(1, ordering: .relaxed).newValue }

    var session: Session? {
        get { lastSession.withLock { $0 } }
        set { lastSession.withLock { $0 = newValue } }
    }

    /// Notes that the connection carries calls of `session`.
    func bind(to session: Session, _ channels: Session.Channels) {
        session.bind(id, channels)
        boundSessions.withLock { sessions in
            sessions.removeAll { $0.isDestroyed }
            if !sessions.contains(where: { $0 === session }) { sessions.append(session) }
        }
    }

    /// The connection is closed.
    func unbind() {
        let sessions = boundSessions.withLock { sessions in
            defer { sessions = [] }
            return sessions
        }
        for session in sessions { session.unbind(id) }
        session = nil
    }
}
