import RPC
import Synchronization
import XDR

/// What other threads ask a loop to do, in their order.
final class Mailbox: Sendable {
    enum Message {
        case send(Connection, RecordBuffer, count: Int)
        case forgetRequest(Connection)
        case close(Connection)
        case adopt(Connection)
        case listen(Listener)
        case stopAccepting
        case drain(deadline: Int64)
    }

    private struct State {
        var messages: [Message] = []
        var isAsleep = false
        var isShut = false
    }

    private let state = Mutex(State())

    /// Leaves a message; true means that the loop sleeps and is to be woken, which is asked of one sender only.
    func post(_ message: Message) -> Bool {
        state.withLock { state in
            guard !state.isShut else { return false }
            state.messages.append(message)
            defer { state.isAsleep = false }
            return state.isAsleep
        }
    }

    /// Whether the loop may sleep. From then on a sender wakes it.
    func prepareToSleep() -> Bool {
        state.withLock { state in
            state.isAsleep = state.messages.isEmpty
            return state.isAsleep
        }
    }

    /// Exchanges the messages for the empty array `messages`.
    func collect(into messages: inout [Message]) {
        state.withLock { state in
            state.isAsleep = false
            if !state.messages.isEmpty { swap(&state.messages, &messages) }
        }
    }

    /// The loop has ended: what is there and what comes is dropped.
    func shut() {
        let dropped = state.withLock { state in
            state.isShut = true
            defer { state.messages = [] }
            return state.messages
        }
        withExtendedLifetime(dropped) {}
    }
}
