import RPC
import Synchronization

/// The contexts of a server by their handles: as many as it has room for, of which the one that was not used for the longest time
/// makes room (RFC 2203 §5.3.3.3). A client that comes back to a context that is gone makes another.
struct GSSContextTable: Sendable {
    /// Contexts whose client has to send another token. Kerberos needs none, unless a client asks for it.
    static let unfinishedLimit = 64

    private let limit: Int
    private var contexts: [GSSHandle: GSSContext] = [:]
    private var unfinished: [GSSHandle: SecurityContext] = [:]
    /// Starts anywhere: what an earlier instance of the server gave out is most likely unknown to this one, and if not a checksum
    /// fails.
    private var lastHandle = UInt64.random(in: 0 ... .max)

    init(limit: Int) { self.limit = limit }

    mutating func nextHandle() -> GSSHandle {
        lastHandle &+= 1
        return GSSHandle(rawValue: lastHandle)
    }

    subscript(handle: GSSHandle) -> GSSContext? { contexts[handle] }

    mutating func insert(_ context: GSSContext, now: UInt64) {
        if contexts.count >= limit { makeRoom(now: now) }
        contexts[context.handle] = context
    }

    /// Removes those that have ended, or else the one that was used least lately.
    private mutating func makeRoom(now: UInt64) {
        for context in contexts.values where context.expiry <= now { remove(context) }
        guard contexts.count >= limit, let oldest = contexts.values.min(by: { $0.lastUse < $1.lastUse }) else { return }
        remove(oldest)
    }

    mutating func remove(_ context: GSSContext) {
        context.drop()
        contexts[context.handle] = nil
    }

    /// Keeps a context until its client sends the next token; the oldest of too many is forgotten.
    mutating func keep(_ context: SecurityContext, as handle: GSSHandle) {
        if unfinished.count >= Self.unfinishedLimit, let oldest = unfinished.keys.min(by: { age($0) > age($1) }) {
            unfinished[oldest] = nil
        }
        unfinished[handle] = context
    }

    private func age(_ handle: GSSHandle) -> UInt64 { lastHandle &- handle.rawValue }

    /// Hands out an unfinished context, so that one thread at a time goes on with it.
    mutating func takeUnfinished(_ handle: GSSHandle) -> SecurityContext? { unfinished.removeValue(forKey: handle) }
}
