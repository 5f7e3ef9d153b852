import NFSProtocol
import Synchronization

/// One slot of a session and its reply cache (RFC 8881 §2.10.6.1).
///
/// The lock is the slot's own: only a retry that overtakes its request ever meets another thread here.
final class Slot: Sendable {
    private struct State {
        /// The sequence id of the last request that began.
        var sequence: UInt32 = 0
        var phase = Phase.unused
        /// Tells the last request from others.
        var fingerprint: UInt64 = 0
        /// The reply of the last request, in phase `.kept`. Its memory is used again.
        var reply: [UInt8] = []
    }

    private enum Phase {
        case unused
        case running
        /// The last request is answered and its reply is kept.
        case kept
        case notKept
    }

    private let state = Mutex(State())

    /// - Returns: nil for a new request, the kept reply for a retry.
    func begin(sequence: UInt32, fingerprint: UInt64) throws(NFSStatus) -> [UInt8]? {
        try state.withLock { state throws(NFSStatus) in
            if state.phase == .running { throw sequence == state.sequence ? .delay : .seqMisordered }
            if sequence == state.sequence &+ 1 {
                state.sequence = sequence
                state.phase = .running
                state.fingerprint = fingerprint
                return nil
            }
            guard sequence == state.sequence, state.phase != .unused else { throw .seqMisordered }
            guard fingerprint == state.fingerprint else { throw .seqFalseRetry }
            guard state.phase == .kept else { throw .retryUncachedRep }
            return state.reply
        }
    }

    /// - Parameter reply: nil not to keep it.
    func finish(sequence: UInt32, keeping reply: RawSpan?) {
        state.withLock { state in
            assert(state.phase == .running && state.sequence == sequence, "a slot was finished that was not begun")
            guard let reply else {
                state.phase = .notKept
                return
            }
            state.reply.removeAll(keepingCapacity: true)
            reply.withUnsafeBytes { state.reply.append(contentsOf: $0) }
            state.phase = .kept
        }
    }
}
