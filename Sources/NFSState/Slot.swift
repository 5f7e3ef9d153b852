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
        /// The number of slots the last reply granted: what the client knows once it uses the slot again.
        var granted = UInt32.max
        /// Tells the last request from others.
        var fingerprint: UInt64 = 0
        /// The reply of the last request, in phase `.kept`. Its memory is used again.
        var reply: [UInt8] = []
    }

    private enum Phase {
        /// Not used since it was made, or retired.
        case unused
        case running
        /// The last request is answered and its reply is kept.
        case kept
        case notKept
    }

    enum Start {
        /// A new request.
        /// - Parameter seen: the number of slots the client knew it was granted when it sent the request.
        case new(seen: UInt32)
        case replay([UInt8])
        /// A retry of a request whose reply was not kept.
        /// - Parameter granted: the number of slots that reply granted.
        case notKept(granted: UInt32)
    }

    private let state = Mutex(State())

    /// - Parameter granting: the number of slots the reply will grant.
    /// - Throws: `seqFalseRetry`, `delay` for a retry while the request still runs, `seqMisordered`.
    func begin(sequence: UInt32, fingerprint: UInt64, granting: UInt32) throws(NFSStatus) -> Start {
        try state.withLock { state throws(NFSStatus) in
            if sequence == state.sequence, state.phase != .unused {
                guard fingerprint == state.fingerprint else { throw .seqFalseRetry }
                switch state.phase {
                case .kept: return .replay(state.reply)
                case .notKept: return .notKept(granted: state.granted)
                case .running, .unused: throw .delay
                }
            }
            // When a retired slot is there again, the client may have forgotten it, or go on where it was.
            let isNext = sequence == state.sequence &+ 1 || (state.phase == .unused && sequence == 1)
            guard isNext, state.phase != .running else { throw .seqMisordered }
            defer { state.granted = granting }
            state.sequence = sequence
            state.phase = .running
            state.fingerprint = fingerprint
            return .new(seen: state.granted)
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

    /// Frees the kept reply: the client has it, and does not use the slot any more. One in use is left as it is.
    func retire() {
        state.withLock { state in
            guard state.phase != .running else { return }
            state.phase = .unused
            state.reply = []
        }
    }

    /// Bytes of the kept reply.
    var keptBytes: Int { state.withLock { $0.reply.count } }
}
