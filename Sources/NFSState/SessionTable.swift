import NFSProtocol
import Synchronization

/// Finds sessions by id. Sharded, so that clients do not wait for each other; a connection remembers its last session
/// and comes here only for another. `ClientTable` alone adds and removes.
package final class SessionTable: Sendable {
    private final class Shard: Sendable {
        let sessions = Mutex([SessionID: Session]())
    }

    private let shards: [Shard]

    package init() { shards = (0..<16).map { _ in Shard() } }

    private func shard(of id: SessionID) -> Shard { shards[Int(id.low % UInt64(shards.count))] }

    /// - Throws: `badsession`.
    package func find(_ id: SessionID) throws(NFSStatus) -> Session {
        guard let session = shard(of: id).sessions.withLock({ $0[id] }) else { throw .badsession }
        return session
    }

    package var all: [Session] { shards.flatMap { $0.sessions.withLock { Array($0.values) } } }

    package var count: Int { shards.reduce(0) { $0 + $1.sessions.withLock { $0.count } } }

    func insert(_ session: Session) { shard(of: session.id).sessions.withLock { $0[session.id] = session } }

    /// Takes the session out and destroys it.
    func remove(_ id: SessionID) -> Session? {
        let session = shard(of: id).sessions.withLock { $0.removeValue(forKey: id) }
        session?.destroy()
        return session
    }
}
