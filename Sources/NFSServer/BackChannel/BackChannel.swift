import DequeModule
import NFSProtocol
import NFSState
import RPC
import Synchronization
import XDR

/// The back channel of a session: the connections it has, its slots, and the calls on their way (RFC 8881 §2.10.6, §20.9).
///
/// A call keeps its slot and sequence id until the client has answered it, over whichever connection it is sent, so that the
/// client carries it out once. Whoever made it waits no longer than a client may take to answer.
final class BackChannel: Sendable {
    typealias Completion = @Sendable (_ delivered: Bool) -> Void

    let session: Session
    private let means: CallbackMeans
    private let state: Mutex<State>

    /// Slots used at most, whatever the client offers, and calls that wait for one.
    private static let maximumSlots: UInt32 = 16
    private static let maximumQueue = 128

    private struct Path {
        let path: CallbackPath
        /// The client did not answer over it.
        var isSilent = false
    }

    private struct Call {
        let operation: CallbackOperation
        /// Nil once whoever made the call was told.
        var completion: Completion?
        /// How often the client asked to wait.
        var delays = 0
    }

    private struct Slot {
        /// The sequence id of the last call.
        var sequence: UInt32 = 0
        /// The call whose outcome is not known.
        var call: Call?
        /// The connection it is on; nil when it has to be sent again.
        var path: ConnectionID?
        /// csa_highest_slotid it was sent with.
        var highest = 0
    }

    private struct State {
        var paths: [Path] = []
        var slots: [Slot]
        /// How many of the slots the client lets the server use.
        var usable: Int
        var queue = Deque<Call>()
        /// Whether the client asked for a back channel, has answered over it, and how the last answers were.
        var wasBound = false
        var hasAnswered = false
        /// The number of the last CB_NULL, and whether its answer is still of interest.
        var probe = 0
        var isProbing = false
        var isFaulty = false
        var isShut = false

        var workingPath: CallbackPath? { paths.first { !$0.isSilent }?.path }

        var condition: BackChannelCondition {
            if isFaulty { return .faulty }
            if workingPath != nil { return hasAnswered ? .works : .untested }
            return wasBound ? .lost : .none
        }
    }

    /// What is to be done once the state is unlocked.
    private typealias Actions = [@Sendable () -> Void]

    init(_ session: Session, _ means: CallbackMeans) {
        self.session = session
        self.means = means
        let slots = Int(min(session.back.maximumRequests, Self.maximumSlots))
        state = Mutex(State(slots: (0..<slots).map { _ in Slot() }, usable: slots))
    }

    private func change(_ body: (inout State, inout Actions) -> Void) {
        let actions = state.withLock { state in
            var actions = Actions()
            if !state.isShut { body(&state, &actions) }
            session.setBackChannel(session.callbackParameters.credential == nil ? .none : state.condition)
            return actions
        }
        for action in actions { action() }
    }

    // MARK: Connections

    /// A connection was bound to the back channel, perhaps again. The first is tried out.
    func bind(_ path: CallbackPath) {
        change { state, actions in
            state.wasBound = true
            if let known = state.paths.firstIndex(where: { $0.path === path }) {
                state.paths[known].isSilent = false
            } else {
                state.paths.append(Path(path: path))
            }
            probe(&state, &actions)
        }
    }

    /// A connection is closed.
    func unbind(_ id: ConnectionID) {
        change { state, actions in remove(id, &state, &actions) }
    }

    /// The program or the credential has changed: what was refused before may be taken now.
    func parametersChanged() {
        change { state, actions in
            for index in state.paths.indices { state.paths[index].isSilent = false }
            state.hasAnswered = false
            state.isProbing = false
            probe(&state, &actions)
        }
    }

    /// The session is gone.
    func shut() {
        change { state, actions in
            abandon(&state, &actions)
            state.paths = []
            state.isShut = true
        }
    }

    /// CB_NULL over the first connection that is not known to be silent, unless the client has answered over one already.
    private func probe(_ state: inout State, _ actions: inout Actions) {
        guard !state.hasAnswered else { return resume(&state, &actions) }
        let parameters = session.callbackParameters
        guard !state.isProbing, let credential = parameters.credential, let path = state.workingPath else { return }
        state.isProbing = true
        state.probe += 1
        let number = state.probe
        actions.append {
            path.call(self.means) { message, xid in
                CallbackCompound.writeNull(to: &message, xid: xid, program: parameters.program, credential)
            } _: { outcome in
                self.probed(path, number, outcome)
            }
        }
    }

    private func probed(_ path: CallbackPath, _ number: Int, _ outcome: CallbackPath.Outcome) {
        change { state, actions in
            guard state.probe == number else { return }
            state.isProbing = false
            switch outcome {
            case .lost: remove(path.id, &state, &actions)
            case .silence: silence(path.id, &state, &actions)
            case .reply(let reply):
                var reader = XDRReader(reply.bytes)
                if (try? RPCReply.decode(from: &reader)) == .success {
                    heard(path.id, &state)
                    return resume(&state, &actions)
                }
                silence(path.id, &state, &actions)
            }
            probe(&state, &actions)
        }
    }

    private func heard(_ id: ConnectionID, _ state: inout State) {
        guard let index = state.paths.firstIndex(where: { $0.path.id == id }) else { return }
        state.paths[index].isSilent = false
        state.hasAnswered = true
    }

    private func remove(_ id: ConnectionID, _ state: inout State, _ actions: inout Actions) {
        state.paths.removeAll { $0.path.id == id }
        reroute(id, &state, &actions)
    }

    private func silence(_ id: ConnectionID, _ state: inout State, _ actions: inout Actions) {
        guard let index = state.paths.firstIndex(where: { $0.path.id == id }) else { return }
        state.paths[index].isSilent = true
        reroute(id, &state, &actions)
    }

    /// Sends the calls that are on a connection over another one; where there is none, nobody waits for them any longer (§2.10.6.2).
    private func reroute(_ id: ConnectionID, _ state: inout State, _ actions: inout Actions) {
        for index in state.slots.indices where state.slots[index].path == id { state.slots[index].path = nil }
        guard state.workingPath == nil else { return resume(&state, &actions) }
        // The next connection has to show that it works.
        state.hasAnswered = false
        for index in state.slots.indices { tell(false, &state.slots[index].call, &actions) }
        abandonQueue(&state, &actions)
    }

    // MARK: Calls

    /// Makes a call if the back channel works.
    func call(_ operation: CallbackOperation, _ completion: @escaping Completion) {
        change { state, actions in
            guard state.condition == .works, fits(operation), state.queue.count < Self.maximumQueue else {
                return actions.append { completion(false) }
            }
            state.queue.append(Call(operation: operation, completion: completion))
            resume(&state, &actions)
        }
    }

    /// Whether the client takes a message as long as this (§2.10.6.4).
    private func fits(_ operation: CallbackOperation) -> Bool {
        let back = session.back
        guard back.maximumRequests > 0, back.maximumOperations >= CallbackCompound.operations,
            back.maximumResponse >= CallbackCompound.smallestReply, let credential = session.callbackParameters.credential
        else { return false }
        let compound = CallbackCompound(session: session.id, slot: 0, sequence: 0, highestSlot: 0, operation: operation)
        var message = XDRWriter(pool: means.pool, limit: min(Int(back.maximumRequest), CallbackCompound.largestMessage))
        compound.write(to: &message, xid: 0, program: 0, credential)
        defer { means.pool.give(back: message.detach().buffer) }
        return !message.overflowed
    }

    /// Sends what can be sent: first what must be sent again, then what waits for a slot.
    private func resume(_ state: inout State, _ actions: inout Actions) {
        guard state.hasAnswered, !state.isFaulty, let path = state.workingPath else { return }
        for index in state.slots.indices where state.slots[index].call != nil && state.slots[index].path == nil {
            send(index, over: path, &state, &actions)
        }
        while let call = state.queue.first, let index = state.slots.prefix(state.usable).firstIndex(where: { $0.call == nil }) {
            state.queue.removeFirst()
            state.slots[index].sequence &+= 1
            state.slots[index].call = call
            send(index, over: path, &state, &actions)
        }
    }

    private func send(_ index: Int, over path: CallbackPath, _ state: inout State, _ actions: inout Actions) {
        let parameters = session.callbackParameters
        guard let call = state.slots[index].call, let credential = parameters.credential else { return }
        let highest = state.slots.lastIndex { $0.call != nil } ?? index
        state.slots[index].path = path.id
        state.slots[index].highest = highest
        let compound = CallbackCompound(
            session: session.id, slot: UInt32(index), sequence: state.slots[index].sequence, highestSlot: UInt32(highest),
            operation: call.operation)
        actions.append {
            path.call(self.means) { message, xid in
                compound.write(to: &message, xid: xid, program: parameters.program, credential)
            } _: { outcome in
                self.ended(compound, over: path, outcome)
            }
        }
    }

    private func ended(_ compound: CallbackCompound, over path: CallbackPath, _ outcome: CallbackPath.Outcome) {
        change { state, actions in
            switch outcome {
            case .lost: remove(path.id, &state, &actions)
            case .silence: silence(path.id, &state, &actions)
            case .reply(let reply):
                let index = Int(compound.slot)
                // The answer to a call that was answered over another connection already.
                guard state.slots[index].sequence == compound.sequence, state.slots[index].call != nil else { return }
                let answer = compound.answer(in: reply)
                if case .rejected = answer { return silence(path.id, &state, &actions) }
                heard(path.id, &state)
                take(answer, of: index, over: path, &state, &actions)
                resume(&state, &actions)
            }
        }
    }

    private func take(
        _ answer: CallbackCompound.Answer, of index: Int, over path: CallbackPath, _ state: inout State, _ actions: inout Actions
    ) {
        switch answer {
        case .done(let status, let highest, let target):
            state.usable = min(Int(min(highest, target)), state.slots.count - 1) + 1
            // Not kept by the client, but carried out the first time.
            finish(index, delivered: status == .ok || status == .retryUncachedRep, &state, &actions)
        case .refused(.delay): wait(index, &state, &actions)
        case .refused(.badslot): yield(index, slots: index, &state, &actions)
        case .refused(.badHighSlot): yield(index, slots: state.slots[index].highest, &state, &actions)
        case .refused(.reqTooBig), .refused(.repTooBig), .refused(.repTooBigToCache), .refused(.tooManyOps):
            state.slots[index].sequence &-= 1
            finish(index, delivered: false, &state, &actions)
        case .refused(.connNotBoundToSession): remove(path.id, &state, &actions)
        case .refused, .rejected, .senseless:
            // The client does not know the session, or the two do not agree on the slot: nothing mends that (§18.46.3).
            state.isFaulty = true
            abandon(&state, &actions)
        }
    }

    private func finish(_ index: Int, delivered: Bool, _ state: inout State, _ actions: inout Actions) {
        tell(delivered, &state.slots[index].call, &actions)
        state.slots[index].call = nil
        state.slots[index].path = nil
    }

    /// The client has fewer slots than it offered: the call takes one of those.
    private func yield(_ index: Int, slots: Int, _ state: inout State, _ actions: inout Actions) {
        guard slots > 0, let call = state.slots[index].call else {
            state.isFaulty = true
            return abandon(&state, &actions)
        }
        state.usable = min(state.usable, slots)
        state.slots[index].sequence &-= 1
        state.slots[index].call = nil
        state.slots[index].path = nil
        state.queue.prepend(call)
    }

    /// The client asks to be called again: soon at first, then each second. After some seconds nobody waits for it here.
    private func wait(_ index: Int, _ state: inout State, _ actions: inout Actions) {
        let delays = state.slots[index].call?.delays ?? 0
        state.slots[index].call?.delays = min(delays + 1, 5)
        if delays == 5 { tell(false, &state.slots[index].call, &actions) }
        let sequence = state.slots[index].sequence
        let means = means
        actions.append {
            means.actAsServer()
            Task { [weak self] in
                try? await Task.sleep(for: min(.milliseconds(50 << delays), .seconds(1)))
                self?.change { state, actions in
                    guard state.slots[index].sequence == sequence, state.slots[index].call != nil else { return }
                    state.slots[index].path = nil
                    self?.resume(&state, &actions)
                }
            }
        }
    }

    /// Tells whoever made the call, once.
    private func tell(_ delivered: Bool, _ call: inout Call?, _ actions: inout Actions) {
        guard let completion = call?.completion else { return }
        call?.completion = nil
        actions.append { completion(delivered) }
    }

    private func abandon(_ state: inout State, _ actions: inout Actions) {
        for index in state.slots.indices { finish(index, delivered: false, &state, &actions) }
        abandonQueue(&state, &actions)
    }

    private func abandonQueue(_ state: inout State, _ actions: inout Actions) {
        for call in state.queue {
            var call = Optional(call)
            tell(false, &call, &actions)
        }
        state.queue = []
    }
}
