import NFSTestClient
import Synchronization

/// A client's end of the contexts in which it is called, written apart from that of the server (RFC 2203, RFC 8881 §2.10.8.2).
///
/// Each call must have the verifier, the protection and the number that a server has to give it. Calls with another flavor go
/// through as they are.
package final class CallbackContexts: CallbackProtection {
    /// A call that came in a context.
    package struct Call: Sendable {
        package let handle: [UInt8]
        package let context: ClientContext
        package let service: Service
        package let sequence: UInt32
        /// Bytes of the whole message.
        package let length: Int
    }

    /// A reply with its protection.
    package struct Reply: Sendable {
        package var verifier: Credential
        package var results: [UInt8]
        /// The results before they were protected.
        package let plain: [UInt8]

        fileprivate func bytes(to xid: UInt32) -> [UInt8] {
            var encoder = XDREncoder()
            for word in [xid, 1, 0, verifier.flavor] { encoder.uint32(word) }
            encoder.opaque(verifier.body)
            encoder.uint32(0)
            encoder.raw(results)
            return encoder.bytes
        }
    }

    private struct State {
        var contexts: [[UInt8]: ClientContext] = [:]
        var calls: [Call] = []
        /// Those that are not answered yet, by xid.
        var pending: [UInt32: (number: Int, call: Call)] = [:]
    }

    private let state = Mutex(State())
    private let change: @Sendable (_ number: Int, Call, Reply) throws -> [Reply]

    /// - Parameter change: makes of the reply to the call with this number, counted from 0, what goes to the server.
    package init(_ change: @escaping @Sendable (_ number: Int, Call, Reply) throws -> [Reply] = { _, _, reply in [reply] }) {
        self.change = change
    }

    /// Takes calls in `context` that name it so.
    package func add(_ context: ClientContext, as handle: [UInt8]) { state.withLock { $0.contexts[handle] = context } }

    /// Everything that came in a context.
    package var calls: [Call] { state.withLock { $0.calls } }

    package func open(_ message: [UInt8]) throws -> [UInt8] {
        var call = try RPCCall(decoding: message)
        guard call.credential.flavor == ClientContext.flavor else { return message }
        var credential = XDRDecoder(call.credential.body)
        guard try credential.uint32() == 1, try credential.uint32() == ControlProcedure.data else {
            throw LabError("not a data call of version 1")
        }
        let sequence = try credential.uint32()
        guard let service = Service(rawValue: try credential.uint32()) else { throw LabError("no service") }
        let handle = try credential.opaque()
        try credential.end()
        guard let context = state.withLock({ $0.contexts[handle] }) else { throw LabError("an unknown handle") }
        guard call.verifier.flavor == ClientContext.flavor, context.verifies(call.verifier.body, of: call.header) else {
            throw LabError("the verifier of the call is wrong")
        }
        call.arguments = try context.open(call.arguments, service, sequence: sequence)
        call.verifier = .none
        let opened = Call(handle: handle, context: context, service: service, sequence: sequence, length: message.count)
        try state.withLock { state in
            guard !state.calls.contains(where: { $0.context === context && $0.sequence == sequence }) else {
                throw LabError("the number \(sequence) came before")
            }
            state.pending[call.xid] = (state.calls.count, opened)
            state.calls.append(opened)
        }
        return call.bytes
    }

    package func protect(_ reply: [UInt8]) throws -> [[UInt8]] {
        var decoder = XDRDecoder(reply)
        let xid = try decoder.uint32()
        guard let (number, call) = state.withLock({ $0.pending.removeValue(forKey: xid) }) else { return [reply] }
        let results = Array(reply.dropFirst(24))
        let good = Reply(
            verifier: Credential(
                flavor: ClientContext.flavor, body: try call.context.checksum(of: ClientContext.word(call.sequence))),
            results: try call.context.protect(results, call.service, sequence: call.sequence), plain: results)
        return try change(number, call, good).map { $0.bytes(to: xid) }
    }
}
