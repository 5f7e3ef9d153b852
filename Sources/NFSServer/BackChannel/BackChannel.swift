import DequeModule
import NFSProtocol
import NFSState
import RPC
import Synchronization
import XDR

/// The back channel of a session: what its calls prove themselves with, the connections it has, its slots, and the calls on their way
/// (RFC 8881 §2.10.6, §2.10.8.2, §20.9).
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
        var parameters: CallbackParameters
        var paths: [Path] = []
        /// Those that were used.
        var slots: [Slot] = []
        /// How many the client lets the server use.
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

        func condition(now: MonotonicTime) -> BackChannelCondition {
            guard parameters.offersAny else { return .none }
            if isFaulty { return .faulty }
            guard workingPath != nil else { return wasBound ? .lost : .none }
            guard parameters.credential(now: now) != nil else { return .none }
            return hasAnswered ? .works : .untested
        }
    }

    /// What is to be done once the state is unlocked.
    private typealias Actions = [@Sendable () -> Void]

    init(_ session: Session, _ parameters: CallbackParameters, _ means: CallbackMeans) {
        self.session = session
        self.means = means
        state = Mutex(State(parameters: parameters, usable: Self.slots(of: session)))
        session.setBackChannel(.none, contextsEnd: parameters.contextsEnd)
    }

    private static func slots(of session: Session) -> Int { Int(min(session.back.maximumRequests, maximumSlots)) }

    private func change(_ body: (inout State, inout Actions) -> Void) {
        let actions = state.withLock { state in
            var actions = Actions()
            if !state.isShut { body(&state, &actions) }
            session.setBackChannel(state.condition(now: means.now), contextsEnd: state.parameters.contextsEnd)
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

    /// BACKCHANNEL_CTL: other parameters for calls from now on.
    func change(to parameters: CallbackParameters) {
        change { state, _ in state.parameters.change(to: parameters, now: means.now) }
    }

    /// The parameters have changed, and the client knows: what was refused before may be taken now.
    func parametersChanged() {
        change { state, actions in
            for index in state.paths.indices { state.paths[index].isSilent = false }
            state.hasAnswered = false
            state.isProbing = false
            probe(&state, &actions)
        }
    }

    /// Goes on without the contexts that have ended.
    func forgetEndedContexts() {
        guard state.withLock({ !$0.parameters.contexts.isEmpty }) else { return }
        change { state, actions in
            if state.parameters.forgetEnded(now: means.now) { reroute(&state, &actions) }
        }
    }

    /// The client refused a call in a context, which is of no use then (RFC 2203 §5.3.3.3).
    /// - Returns: false if that is not what the reply says.
    private func forget(
        _ credential: CallbackCredential, _ reply: RPCReply, _ state: inout State, _ actions: inout Actions
    ) -> Bool {
        guard case .context(let context) = credential, case .authError = reply else { return false }
        state.parameters.forget(context)
        reroute(&state, &actions)
        return true
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
        guard !state.isProbing, let credential = state.parameters.credential(now: means.now), let path = state.workingPath else {
            return
        }
        state.isProbing = true
        state.probe += 1
        let number = state.probe
        let message = CallbackMessage(program: state.parameters.program, credential: credential, compound: nil)
        actions.append {
            path.call(message, self.means) { outcome in self.probed(path, number, credential, outcome) }
        }
    }

    private func probed(_ path: CallbackPath, _ number: Int, _ credential: CallbackCredential, _ outcome: CallbackPath.Outcome) {
        change { state, actions in
            guard state.probe == number else { return }
            state.isProbing = false
            switch outcome {
            case .lost: remove(path.id, &state, &actions)
            case .silence: silence(path.id, &state, &actions)
            case .results:
                heard(path.id, &state)
                return resume(&state, &actions)
            case .refused(let reply):
                if !forget(credential, reply, &state, &actions) { silence(path.id, &state, &actions) }
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
        resendCalls(on: id, &state)
        reroute(&state, &actions)
    }

    private func silence(_ id: ConnectionID, _ state: inout State, _ actions: inout Actions) {
        guard let index = state.paths.firstIndex(where: { $0.path.id == id }) else { return }
        state.paths[index].isSilent = true
        resendCalls(on: id, &state)
        reroute(&state, &actions)
    }

    private func resendCalls(on id: ConnectionID, _ state: inout State) {
        for index in state.slots.indices where state.slots[index].path == id { state.slots[index].path = nil }
    }

    /// Sends what has lost its way by another one; where there is none, nobody waits any longer (§2.10.6.2).
    private func reroute(_ state: inout State, _ actions: inout Actions) {
        guard state.workingPath == nil || state.parameters.credential(now: means.now) == nil else { return resume(&state, &actions) }
        // The next one has to show that it works.
        state.hasAnswered = false
        for index in state.slots.indices { tell(false, &state.slots[index].call, &actions) }
        abandonQueue(&state, &actions)
    }

    // MARK: Calls

    /// Makes a call if the back channel works.
    func call(_ operation: CallbackOperation, _ completion: @escaping Completion) {
        change { state, actions in
            let now = means.now
            guard state.condition(now: now) == .works, let credential = state.parameters.credential(now: now),
                fits(operation, credential), state.queue.count < Self.maximumQueue
            else {
                return actions.append { completion(false) }
            }
            state.queue.append(Call(operation: operation, completion: completion))
            resume(&state, &actions)
        }
    }

    /// Whether the client takes a message as long as this (§2.10.6.4).
    private func fits(_ operation: CallbackOperation, _ credential: CallbackCredential) -> Bool {
        let back = session.back
        guard back.maximumRequests > 0, back.maximumOperations >= CallbackCompound.operations,
            Int(back.maximumResponse) >= CallbackCompound.smallestReply + credential.replyOverhead
        else { return false }
        let compound = CallbackCompound(session: session.id, slot: 0, sequence: 0, highestSlot: 0, operation: operation)
        let limit = min(Int(back.maximumRequest), CallbackMessage.maximumLength) - credential.callOverhead
        var message = XDRWriter(pool: means.pool, limit: limit)
        RPCCall.write(to: &message, xid: 0, program: 0, version: 0, procedure: 0, flavor: 0, credential: [])
        compound.encode(to: &message)
        defer { means.pool.give(back: message.detach().buffer) }
        return !message.overflowed
    }

    /// Sends what can be sent: first what must be sent again, then what waits for a slot.
    private func resume(_ state: inout State, _ actions: inout Actions) {
        guard state.hasAnswered, !state.isFaulty, let path = state.workingPath,
            let credential = state.parameters.credential(now: means.now)
        else { return }
        for index in state.slots.indices where state.slots[index].call != nil && state.slots[index].path == nil {
            send(index, over: path, credential, &state, &actions)
        }
        while let call = state.queue.first, let index = freeSlot(&state) {
            state.queue.removeFirst()
            state.slots[index].sequence &+= 1
            state.slots[index].call = call
            send(index, over: path, credential, &state, &actions)
        }
    }

    private func freeSlot(_ state: inout State) -> Int? {
        if let index = state.slots.prefix(state.usable).firstIndex(where: { $0.call == nil }) { return index }
        guard state.slots.count < state.usable else { return nil }
        state.slots.append(Slot())
        return state.slots.count - 1
    }

    private func send(
        _ index: Int, over path: CallbackPath, _ credential: CallbackCredential, _ state: inout State, _ actions: inout Actions
    ) {
        guard let call = state.slots[index].call else { return }
        let highest = state.slots.lastIndex { $0.call != nil } ?? index
        state.slots[index].path = path.id
        state.slots[index].highest = highest
        let compound = CallbackCompound(
            session: session.id, slot: UInt32(index), sequence: state.slots[index].sequence, highestSlot: UInt32(highest),
            operation: call.operation)
        let message = CallbackMessage(program: state.parameters.program, credential: credential, compound: compound)
        actions.append {
            path.call(message, self.means) { outcome in self.ended(compound, over: path, credential, outcome) }
        }
    }

    private func ended(
        _ compound: CallbackCompound, over path: CallbackPath, _ credential: CallbackCredential, _ outcome: CallbackPath.Outcome
    ) {
        change { state, actions in
            let index = Int(compound.slot)
            let isUnderWay = state.slots[index].sequence == compound.sequence && state.slots[index].call != nil
            switch outcome {
            case .lost: remove(path.id, &state, &actions)
            case .silence: silence(path.id, &state, &actions)
            // The answer to a call that was answered over another connection already.
            case .results where !isUnderWay, .refused where !isUnderWay: break
            case .refused(let reply):
                if state.slots[index].path == path.id { state.slots[index].path = nil }
                if !forget(credential, reply, &state, &actions) { silence(path.id, &state, &actions) }
            case .results(let results):
                heard(path.id, &state)
                take(compound.answer(in: results), of: index, over: path, &state, &actions)
                resume(&state, &actions)
            }
        }
    }

    private func take(
        _ answer: CallbackCompound.Answer, of index: Int, over path: CallbackPath, _ state: inout State, _ actions: inout Actions
    ) {
        switch answer {
        case .done(let status, let highest, let target):
            state.usable = min(Int(min(highest, target)), Self.slots(of: session) - 1) + 1
            // Not kept by the client, but carried out the first time.
            finish(index, delivered: status == .ok || status == .retryUncachedRep, &state, &actions)
        case .refused(.delay): wait(index, &state, &actions)
        case .refused(.badslot): yield(index, slots: index, &state, &actions)
        case .refused(.badHighSlot): yield(index, slots: state.slots[index].highest, &state, &actions)
        case .refused(.reqTooBig), .refused(.repTooBig), .refused(.repTooBigToCache), .refused(.tooManyOps):
            state.slots[index].sequence &-= 1
            finish(index, delivered: false, &state, &actions)
        case .refused(.connNotBoundToSession): remove(path.id, &state, &actions)
        case .refused, .senseless:
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
