import NFSProtocol
import Synchronization

/// Finds sessions by id. Sharded, so that clients do not wait for each other; a connection remembers its last session
/// and comes here only for another.
package final class SessionTable: Sendable {
    package init() { fatalError() }

    /// - Throws: `badsession`.
    package func find(_ id: SessionID) throws(NFSStatus) -> Session { fatalError() }

    package var count: Int { fatalError() }
}
