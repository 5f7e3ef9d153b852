import NFSTestClient
import RPC
import Synchronization
import XDR

/// The engine's end of a connection in the process: hands each reply to the call it answers.
final class InProcessConnection: RPCConnection {
    private typealias Continuation = CheckedContinuation<[UInt8], any Error>

    let peer: PeerAddress
    private let pool: BufferPool
    private let state = Mutex(State())

    private struct State {
        var isClosed = false
        var attachment: (any AnyObject & Sendable)?
        /// By xid, the oldest in front.
        var awaited: [[UInt8]: [Continuation]] = [:]
        var onCall: (@Sendable ([UInt8]) -> Void)?
    }

    init(from peer: PeerAddress, pool: BufferPool) {
        self.peer = peer
        self.pool = pool
    }

    var attachment: (any AnyObject & Sendable)? {
        get { state.withLock { $0.attachment } }
        set { state.withLock { $0.attachment = newValue } }
    }

    /// Says what is to be done with calls of the engine.
    func onCall(_ body: @escaping @Sendable ([UInt8]) -> Void) { state.withLock { $0.onCall = body } }

    /// - Returns: false when the connection is closed, so that no reply will come.
    func expect(replyTo xid: [UInt8], _ continuation: CheckedContinuation<[UInt8], any Error>) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.awaited[xid, default: []].append(continuation)
            return true
        }
    }

    func send(_ buffer: consuming RecordBuffer, count: Int) {
        let reply = buffer.bytes(RecordMark.length..<count).withUnsafeBytes { [UInt8]($0) }
        pool.give(back: buffer)
        if CallbackService.isCall(reply) { return state.withLock { $0.isClosed ? nil : $0.onCall }?(reply) ?? () }
        let xid = Array(reply.prefix(4))
        let awaiting = state.withLock { state -> Continuation? in
            guard let first = state.awaited[xid]?.removeFirst() else { return nil }
            if state.awaited[xid]?.isEmpty == true { state.awaited[xid] = nil }
            return first
        }
        awaiting?.resume(returning: reply)
    }

    func undertake(_ work: @escaping BriefWork) -> Bool { false }

    func close() {
        let awaiting = state.withLock { state in
            state.isClosed = true
            defer { state.awaited = [:] }
            return state.awaited.values.flatMap { $0 }
        }
        for continuation in awaiting { continuation.resume(throwing: ConnectionError.closed) }
    }
}
