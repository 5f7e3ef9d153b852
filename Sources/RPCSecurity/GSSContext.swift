import RPC
import Synchronization

/// A context in which a client makes calls (RFC 2203 §5.3).
package final class GSSContext: Sendable {
    let handle: GSSHandle
    /// Who the client is, as Kerberos writes it: `user@REALM`.
    package let principal: String
    /// When its ticket ends, in nanoseconds of the acceptor's clock.
    package let expiry: UInt64
    let checksumLength: Int
    /// What wrapping adds to any message at most.
    let wrapping: SecurityContext.Wrapping
    private let state: Mutex<State>
    private let used: Atomic<UInt64>
    private let dropped = Atomic(false)
    /// The number of the last call of the server in it.
    private let lastCall = Atomic<UInt32>(0)
    private let backlog = Mutex<[@Sendable () -> Void]>([])

    private struct State: Sendable {
        let context: SecurityContext
        var window = SequenceWindow()
    }

    /// - Returns: nil when the context cannot protect messages of up to `longest` bytes.
    init?(_ context: SecurityContext, _ handle: GSSHandle, principal: String, expiry: UInt64, now: UInt64, longest: Int) {
        // Of old ciphers the header is longer in front of more data, and the padding depends on it.
        guard let checksumLength = context.checksumLength(), let long = context.wrapping(of: longest),
            let longer = context.wrapping(of: longest + 1)
        else { return nil }
        self.checksumLength = checksumLength
        wrapping = SecurityContext.Wrapping(
            header: max(long.header, longer.header), padding: max(long.padding, longer.padding, 16), trailer: long.trailer)
        self.handle = handle
        self.principal = principal
        self.expiry = expiry
        state = Mutex(State(context: context))
        used = Atomic(now)
    }

    /// When a call was made in it last, or else when it was made.
    var lastUse: UInt64 { used.load(ordering: .relaxed) }
    package func use(now: UInt64) { used.store(now, ordering: .relaxed) }

    /// Whether the server has forgotten it. Calls that came before are still answered in it.
    package var isDropped: Bool { dropped.load(ordering: .acquiring) }
    func drop() { dropped.store(true, ordering: .releasing) }

    /// Numbers a call of the server. All its calls in the context are counted together, also those of other sessions, since a client
    /// takes each number once. One that reaches the end of the numbers (MAXSEQ) refuses the context (§5.3.3.3).
    func nextCall() -> UInt32 { lastCall.wrappingAdd(1, ordering: .relaxed).newValue }

    // MARK: What takes long

    /// Bytes of a message that take some tenths of a millisecond to be encrypted: as long as others may be kept waiting.
    private static let longMessage = 64 * 1024

    /// Whether so long a message is to be left to a thread that waits for nothing else, or to stand behind what was left to it.
    package func takesLong(_ count: Int) -> Bool { count > Self.longMessage || isBusy }

    private var isBusy: Bool { backlog.withLock { !$0.isEmpty } }

    /// Notes work that takes long in this context. One piece is done at a time, since the context is for one thread at a time.
    /// - Returns: whether it is the only one, so that somebody has to be found for it.
    package func take(_ work: @escaping @Sendable () -> Void) -> Bool {
        backlog.withLock { backlog in
            backlog.append(work)
            return backlog.count == 1
        }
    }

    /// Does the first piece of that work.
    /// - Returns: whether there is another.
    package func doFirst() -> Bool {
        backlog.withLock { $0.first }?()
        return backlog.withLock { backlog in
            backlog.removeFirst()
            return !backlog.isEmpty
        }
    }

    // MARK: Messages

    /// Whether a call is the client's own and new.
    enum Proof {
        /// With the verifier of the reply.
        case proved([UInt8])
        /// The checksum is not one of this context.
        case forged
        /// It may have been carried out before.
        case repeated
        /// The client has no numbers left, or the context does not serve any more.
        case exhausted
    }

    /// Checks the header of a call, notes its number (§5.3.3.1), and makes the verifier of the reply.
    func check(_ header: RawSpan, _ checksum: RawSpan, sequence: UInt32) -> Proof {
        header.withUnsafeBytes { header in
            checksum.withUnsafeBytes { checksum in
                state.withLock { state in
                    guard state.context.verify(header, checksum) else { return .forged }
                    guard sequence <= SequenceWindow.maximum else { return .exhausted }
                    guard state.window.take(sequence) else { return .repeated }
                    return state.context.checksum(of: sequence, length: checksumLength).map(Proof.proved) ?? .exhausted
                }
            }
        }
    }

    /// The checksum of a number, as verifiers have it.
    func checksum(of number: UInt32) -> [UInt8]? { state.withLock { $0.context.checksum(of: number, length: checksumLength) } }

    /// The checksum of a header.
    func checksum(of bytes: RawSpan) -> [UInt8]? {
        bytes.withUnsafeBytes { bytes in state.withLock { $0.context.checksum(of: bytes, length: checksumLength) } }
    }

    /// Whether `checksum` is the client's of a number.
    func verify(_ number: UInt32, _ checksum: RawSpan) -> Bool {
        withUnsafeBytes(of: number.bigEndian) { number in
            checksum.withUnsafeBytes { checksum in state.withLock { $0.context.verify(number, checksum) } }
        }
    }

    /// Puts the checksum of `bytes` at `checksum`.
    func sign(_ bytes: UnsafeRawBufferPointer, into checksum: UnsafeMutableRawBufferPointer) -> Bool {
        state.withLock { $0.context.sign(bytes, into: checksum) }
    }

    func verify(_ bytes: RawSpan, _ checksum: RawSpan) -> Bool {
        bytes.withUnsafeBytes { bytes in
            checksum.withUnsafeBytes { checksum in state.withLock { $0.context.verify(bytes, checksum) } }
        }
    }

    func wrapping(of count: Int) -> SecurityContext.Wrapping? { state.withLock { $0.context.wrapping(of: count) } }

    func wrap(_ message: UnsafeMutableRawBufferPointer, _ wrapping: SecurityContext.Wrapping) -> Bool {
        state.withLock { $0.context.wrap(message, wrapping) }
    }

    func unwrap(_ message: UnsafeMutableRawBufferPointer) -> Range<Int>? { state.withLock { $0.context.unwrap(message) } }
}
