import NFSState
import RPC
import RPCSecurity
import Synchronization
import XDR

/// What calls to clients need of the server.
struct CallbackMeans: Sendable {
    let pool: BufferPool
    /// How long a client may take to answer.
    let timeLimit: Duration
    let clock: ServerClock
    /// What calls in contexts are protected with.
    let kerberos: KerberosService?
    /// Makes the calling thread the server's own before a task, and with it perhaps a thread, is started.
    let actAsServer: @Sendable () -> Void

    var now: MonotonicTime { MonotonicTime(nanoseconds: clock.now()) }

    /// Protects a message of `count` bytes, or takes its protection off: on another thread where that takes long.
    func perform(in context: GSSContext?, _ count: Int, _ work: @escaping @Sendable () -> Void) {
        if let context, let kerberos, context.takesLong(count) { kerberos.submit(in: context, work) } else { work() }
    }
}

/// One connection as a way for calls to the client: numbers them, and hands what comes back to whoever waits for it.
final class CallbackPath: Sendable {
    enum Outcome: Sendable {
        /// The client carried the call out, with these results.
        case results(Record)
        /// It did not.
        case refused(RPCReply)
        /// Nothing came within the time limit. One of the others may still follow.
        case silence
        /// The connection is closed.
        case lost
    }

    typealias Completion = @Sendable (Outcome) -> Void

    let id: ConnectionID

    private struct Waiting {
        let completion: Completion
        /// For a call in a context.
        let call: GSSBackCall?
        var timer: Task<Void, Never>?
    }

    private struct State {
        weak var connection: (any RPCConnection)?
        var lastXID = UInt32.random(in: 0 ... .max)
        var waiting: [UInt32: Waiting] = [:]
    }

    private let state: Mutex<State>

    init(id: ConnectionID, over connection: any RPCConnection) {
        self.id = id
        state = Mutex(State(connection: connection))
    }

    /// Makes a call.
    func call(_ message: CallbackMessage, _ means: CallbackMeans, _ completion: @escaping Completion) {
        let call = message.credential.context?.newCall()
        let (connection, xid) = state.withLock { state in
            state.lastXID &+= 1
            if state.connection != nil { state.waiting[state.lastXID] = Waiting(completion: completion, call: call) }
            return (state.connection, state.lastXID)
        }
        guard let connection else { return completion(.lost) }
        means.actAsServer()
        let timer = Task {
            try? await Task.sleep(for: means.timeLimit)
            if !Task.isCancelled { self.state.withLock { $0.waiting[xid]?.completion }?(.silence) }
        }
        let isAwaited = state.withLock { state in
            state.waiting[xid]?.timer = timer
            return state.waiting[xid] != nil
        }
        guard isAwaited else { return timer.cancel() }
        means.perform(in: call?.context, CallbackMessage.maximumLength) {
            call?.context.use(now: means.now.nanoseconds)
            var writer = XDRWriter(pool: means.pool, startingAt: RecordMark.length, limit: CallbackMessage.maximumLength)
            let isWritten = message.write(to: &writer, xid: xid, in: call)
            let (buffer, count) = writer.detach()
            if isWritten { return connection.send(buffer, count: count) }
            means.pool.give(back: buffer)
            self.end(xid, .refused(.authError(.gssContextProblem)))
        }
    }

    /// A reply came over the connection. One that nobody waits for is ignored, and so is one that is not proved to be the client's: the
    /// client's own may still follow.
    func receive(_ reply: Record, to xid: UInt32, _ means: CallbackMeans) {
        guard let call = state.withLock({ $0.waiting[xid]?.call }) else {
            if let outcome = Self.outcome(of: reply) { end(xid, outcome) }
            return
        }
        means.perform(in: call.context, reply.range.count) {
            guard let (answer, results) = call.open(reply) else { return }
            self.end(xid, answer == .success ? .results(results) : .refused(answer))
        }
    }

    /// What a reply says that nothing protects; nil when it cannot be read.
    private static func outcome(of record: Record) -> Outcome? {
        var reader = XDRReader(record.bytes)
        guard let reply = try? RPCReply.decode(from: &reader).reply else { return nil }
        guard reply == .success else { return .refused(reply) }
        let range = record.range
        return .results(Record(buffer: record.buffer, range: range.lowerBound + reader.offset..<range.upperBound))
    }

    private func end(_ xid: UInt32, _ outcome: Outcome) { end(state.withLock { $0.waiting.removeValue(forKey: xid) }, outcome) }

    /// The connection is closed.
    func close() {
        let waiting = state.withLock { state in
            state.connection = nil
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for call in waiting { end(call, .lost) }
    }

    private func end(_ call: Waiting?, _ outcome: Outcome) {
        call?.timer?.cancel()
        call?.completion(outcome)
    }
}
