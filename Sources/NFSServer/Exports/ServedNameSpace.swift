import NFSState
import Synchronization

/// The name space in force, and the connections that have a view of it.
final class ServedNameSpace: Sendable {
    private let state: Mutex<(nameSpace: NameSpace, readers: [ConnectionID: ConnectionContext])>

    init(_ nameSpace: NameSpace) { state = Mutex((nameSpace, [:])) }

    var current: NameSpace { state.withLock { $0.nameSpace } }

    func addReader(_ reader: ConnectionContext) { state.withLock { $0.readers[reader.id] = reader } }
    func removeReader(_ reader: ConnectionContext) { state.withLock { $0.readers[reader.id] = nil } }

    /// Puts another name space in force: for all requests that come from now on.
    /// - Returns: the one before, which requests under way still use.
    func replace(with nameSpace: NameSpace) -> NameSpace {
        let (old, readers) = state.withLock { state in
            defer { state.nameSpace = nameSpace }
            return (state.nameSpace, Array(state.readers.values))
        }
        for reader in readers { reader.forgetExports() }
        return old
    }

    /// Makes the calling thread the server's own, not a caller's, as it must be before it starts others.
    func actAsServer() { current.actAsServer() }
}
