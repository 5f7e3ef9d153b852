import NFSState
import RPC
import Synchronization
import XDR

/// What calls to clients need of the server.
struct CallbackMeans: Sendable {
    let pool: BufferPool
    /// How long a client may take to answer.
    let timeLimit: Duration
    /// Makes the calling thread the server's own before a task, and with it perhaps a thread, is started.
    let actAsServer: @Sendable () -> Void
}

/// One connection as a way for calls to the client: numbers them, and hands what comes back to whoever waits for it.
final class CallbackPath: Sendable {
    enum Outcome: Sendable {
        case reply(Record)
        /// Nothing came within the time limit. One of the others may still follow.
        case silence
        /// The connection is closed.
        case lost
    }

    typealias Completion = @Sendable (Outcome) -> Void

    let id: ConnectionID

    private struct Waiting {
        let completion: Completion
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
    /// - Parameter write: writes the whole message, under the xid it is given.
    func call(_ means: CallbackMeans, _ write: (inout XDRWriter, _ xid: UInt32) -> Void, _ completion: @escaping Completion) {
        let (connection, xid) = state.withLock { state in
            state.lastXID &+= 1
            if state.connection != nil { state.waiting[state.lastXID] = Waiting(completion: completion) }
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
        var message = XDRWriter(pool: means.pool, startingAt: RecordMark.length, limit: CallbackCompound.largestMessage)
        write(&message, xid)
        let (buffer, count) = message.detach()
        connection.send(buffer, count: count)
    }

    /// A reply came over the connection. One that nobody waits for is ignored.
    func receive(_ reply: Record, to xid: UInt32) {
        end(state.withLock { $0.waiting.removeValue(forKey: xid) }, .reply(reply))
    }

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
