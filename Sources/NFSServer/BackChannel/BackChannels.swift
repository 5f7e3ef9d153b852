import NFSProtocol
import NFSState
import Synchronization

/// The back channels of all sessions that have one.
final class BackChannels: Sendable {
    private let means: CallbackMeans
    private let channels = Mutex([ClientID: [BackChannel]]())

    init(_ means: CallbackMeans) { self.means = means }

    /// Adds a connection to the back channel of a session.
    func bind(_ path: CallbackPath, to session: Session) {
        let channel = channels.withLock { channels in
            if let known = channels[session.client.id]?.first(where: { $0.session === session }) { return known }
            let new = BackChannel(session, means)
            channels[session.client.id, default: []].append(new)
            return new
        }
        channel.bind(path)
        // Destroyed in this moment, and not found then.
        if session.isDestroyed { remove(session) }
    }

    func find(_ session: Session) -> BackChannel? { all(of: session.client).first { $0.session === session } }

    func all(of client: Client) -> [BackChannel] { channels.withLock { $0[client.id] ?? [] } }

    /// The session is destroyed.
    func remove(_ session: Session) {
        let removed = channels.withLock { channels -> BackChannel? in
            guard var own = channels[session.client.id], let index = own.firstIndex(where: { $0.session === session }) else { return nil }
            let channel = own.remove(at: index)
            channels[session.client.id] = own.isEmpty ? nil : own
            return channel
        }
        removed?.shut()
    }
}
