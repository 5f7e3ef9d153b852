import NFSProtocol
import NFSState
import Synchronization

/// The back channels of all sessions, also of those that have no connection for calls.
final class BackChannels: Sendable {
    let means: CallbackMeans
    private let channels = Mutex([ClientID: [BackChannel]]())

    init(_ means: CallbackMeans) { self.means = means }

    /// Adds that of a new session. To be called before anybody can know the session.
    func add(_ session: Session, _ parameters: CallbackParameters) {
        channels.withLock { $0[session.client.id, default: []].append(BackChannel(session, parameters, means)) }
    }

    func find(_ session: Session) -> BackChannel? { all(of: session.client).first { $0.session === session } }

    func all(of client: Client) -> [BackChannel] { channels.withLock { $0[client.id] ?? [] } }

    /// Contexts end without anybody doing anything to the back channels that use them.
    func forgetEndedContexts() {
        for channel in channels.withLock({ $0.values.flatMap { $0 } }) { channel.forgetEndedContexts() }
    }

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
