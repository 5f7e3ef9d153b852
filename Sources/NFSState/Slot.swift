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
        /// The number of slots the last reply asked the client to use at most: it knows that once it uses the slot again.
        var target = UInt32.max
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

    enum Start {
        /// A new request.
        /// - Parameter seen: the number of slots the client knew it is to use at most when it sent the request.
        case new(seen: UInt32)
        case replay([UInt8])
        /// A retry of a request whose reply was not kept.
        case notKept
    }

    private let state = Mutex(State())

    /// - Parameter target: the number of slots the reply will ask the client to use at most.
    /// - Throws: `seqFalseRetry`, `delay` for a retry while the request still runs, `seqMisordered`.
    func begin(sequence: UInt32, fingerprint: UInt64, target: UInt32) throws(NFSStatus) -> Start {
        try state.withLock { state throws(NFSStatus) in
            if sequence == state.sequence, state.phase != .unused {
                guard fingerprint == state.fingerprint else { throw .seqFalseRetry }
                switch state.phase {
                case .kept: return .replay(state.reply)
                case .notKept: return .notKept
                case .running, .unused: throw .delay
                }
            }
            guard sequence == state.sequence &+ 1, state.phase != .running else { throw .seqMisordered }
            defer { state.target = target }
            state.sequence = sequence
            state.phase = .running
            state.fingerprint = fingerprint
            return .new(seen: state.target)
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

    /// Frees the kept reply, which the client has.
    func freeReply() {
        state.withLock { state in
            guard state.phase == .kept else { return }
            state.phase = .notKept
            state.reply = []
        }
    }

    /// Whether a request is under way.
    var isInUse: Bool { state.withLock { $0.phase == .running } }

    /// Bytes of the kept reply.
    var keptBytes: Int { state.withLock { $0.reply.count } }
}
