import Synchronization

/// A call of the server to a client (RFC 8881 §19).
package struct CallbackCall: Sendable {
    package let program: UInt32
    package let version: UInt32
    package let procedure: UInt32
    package let credential: Credential
    /// CB_COMPOUND4args; nil for CB_NULL.
    package let compound: CallbackCompound?
    /// The connection it came over, by the number `CallbackService.connection` gave it.
    package let connection: Int
}

/// CB_COMPOUND4args, of which CB_SEQUENCE must be the first operation.
package struct CallbackCompound: Equatable, Sendable {
    /// CB_NOTIFY_LOCK4args.
    package struct NotifyLock: Equatable, Sendable {
        package let file: FileHandle
        package let owner: StateOwner
    }

    package let tag: [UInt8]
    package let minorVersion: UInt32
    package let session: SessionID
    package let sequence: UInt32
    package let slot: UInt32
    package let highestSlot: UInt32
    package let cacheThis: Bool
    package let notifyLock: NotifyLock?
}

/// What stands between a callback program and the wire.
package protocol CallbackProtection: Sendable {
    /// A call as it would be without protection, but for its credential; throws for one no server may send.
    func open(_ call: [UInt8]) throws -> [UInt8]

    /// What goes to the server for a reply.
    func protect(_ reply: [UInt8]) throws -> [[UInt8]]
}

/// The callback program of a client, on all connections of it: answers as a client should, or as a test wants, and keeps what came.
package final class CallbackService: Sendable {
    package enum Answer: Sendable {
        /// As the RFC says: each request once, retries from the cache.
        case properly
        case silence
        /// The connection ends instead.
        case hangUp
        /// CB_SEQUENCE fails.
        case refusal(Status)
        /// CB_SEQUENCE is accepted and the operation behind it ends so.
        case outcome(Status)
        /// CB_SEQUENCE is accepted, and these are the highest slot and the target the client names.
        case slots(highest: UInt32, target: UInt32)
        /// Instead of the results: the RPC message behind the xid.
        case message([UInt8])
    }

    private struct Slot: Hashable {
        let session: SessionID
        let number: UInt32
    }

    private struct State {
        var calls: [CallbackCall] = []
        var connections = 0
        var last: [Slot: (sequence: UInt32, results: [UInt8])] = [:]
        var carriedOut: [CallbackCompound] = []
    }

    private let protection: (any CallbackProtection)?
    private let decide: @Sendable (CallbackCall, _ number: Int) -> Answer
    private let state = Mutex(State())

    /// - Parameters:
    ///   - protection: nil for a client that knows none.
    ///   - decide: says how the call with this number, counted from 0, is answered.
    package init(
        protection: (any CallbackProtection)? = nil,
        _ decide: @escaping @Sendable (CallbackCall, _ number: Int) -> Answer = { _, _ in .properly }
    ) {
        self.protection = protection
        self.decide = decide
    }

    /// Everything that came.
    package var calls: [CallbackCall] { state.withLock { $0.calls } }

    /// The compounds that were carried out, each of them once.
    package var carriedOut: [CallbackCompound] { state.withLock { $0.carriedOut } }

    /// A number for a new connection.
    package func connection() -> Int {
        state.withLock { state in
            state.connections += 1
            return state.connections - 1
        }
    }

    /// Returns the first `count` calls as soon as they have come.
    package func calls(_ count: Int) async throws -> [CallbackCall] {
        try await eventually("\(count) calls") { self.calls.count >= count }
        return Array(calls.prefix(count))
    }

    /// What an RPC server says that does not have the program (RFC 5531 §9), for `Answer.message`.
    package static let programUnavailable: [UInt8] = [1, 0, 0, 0, 1].flatMap { [0, 0, 0, $0] }

    package enum Response: Sendable {
        /// Messages to be sent one behind the other.
        case replies([[UInt8]])
        case nothing
        case hangUp
    }

    /// Whether a message that came is a call.
    package static func isCall(_ message: [UInt8]) -> Bool { message.count >= 8 && message[4..<8].allSatisfy { $0 == 0 } }

    package func receive(_ message: [UInt8], over connection: Int) throws -> Response {
        var decoder = XDRDecoder(try protection?.open(message) ?? message)
        let xid = try decoder.uint32()
        let call = try Self.call(&decoder, over: connection)
        let number = state.withLock { state in
            state.calls.append(call)
            return state.calls.count - 1
        }
        var reply = XDREncoder()
        reply.uint32(xid)
        reply.uint32(1)
        switch decide(call, number) {
        case .silence: return .nothing
        case .hangUp: return .hangUp
        case .message(let rest):
            var reply = XDREncoder()
            reply.uint32(xid)
            reply.raw(rest)
            return .replies([reply.bytes])
        case let answer:
            for _ in 0..<4 { reply.uint32(0) }  // accepted, AUTH_NONE, success
            if let compound = call.compound { reply.raw(results(of: compound, answer)) }
            return .replies(try protection?.protect(reply.bytes) ?? [reply.bytes])
        }
    }

    private static func call(_ decoder: inout XDRDecoder, over connection: Int) throws -> CallbackCall {
        guard try decoder.uint32() == 0, try decoder.uint32() == 2 else { throw ProtocolViolation("not a call of RPC version 2") }
        let (program, version, procedure) = (try decoder.uint32(), try decoder.uint32(), try decoder.uint32())
        let credential = Credential(flavor: try decoder.uint32(), body: try decoder.opaque())
        guard try decoder.uint32() == 0, try decoder.opaque().isEmpty else { throw ProtocolViolation("the verifier is not AUTH_NONE") }
        guard procedure <= 1 else { throw ProtocolViolation("callback procedure \(procedure)") }
        let compound = procedure == 0 ? nil : try self.compound(&decoder)
        try decoder.end()
        return CallbackCall(
            program: program, version: version, procedure: procedure, credential: credential, compound: compound, connection: connection)
    }

    private static func compound(_ decoder: inout XDRDecoder) throws -> CallbackCompound {
        let tag = try decoder.opaque()
        let minorVersion = try decoder.uint32()
        _ = try decoder.uint32()
        let count = try decoder.uint32()
        guard (1...2).contains(count), try decoder.uint32() == 11 else { throw ProtocolViolation("a callback without CB_SEQUENCE") }
        let session = SessionID(try decoder.fixed(16))
        let (sequence, slot, highest) = (try decoder.uint32(), try decoder.uint32(), try decoder.uint32())
        let cacheThis = try decoder.bool()
        _ = try decoder.array { decoder in
            _ = try decoder.fixed(16)
            _ = try decoder.array { (try $0.uint32(), try $0.uint32()) }
        }
        var notifyLock: CallbackCompound.NotifyLock?
        if count == 2 {
            guard try decoder.uint32() == 13 else { throw ProtocolViolation("a callback no test expects") }
            notifyLock = CallbackCompound.NotifyLock(
                file: FileHandle(try decoder.opaque()), owner: StateOwner(clientID: try decoder.uint64(), id: try decoder.opaque()))
        }
        return CallbackCompound(
            tag: tag, minorVersion: minorVersion, session: session, sequence: sequence, slot: slot, highestSlot: highest,
            cacheThis: cacheThis, notifyLock: notifyLock)
    }

    /// CB_COMPOUND4res.
    private func results(of compound: CallbackCompound, _ answer: Answer) -> [UInt8] {
        if case .refusal(let status) = answer { return Self.refusal(status) }
        return state.withLock { state in
            let slot = Slot(session: compound.session, number: compound.slot)
            let last = state.last[slot]
            if let last, last.sequence == compound.sequence { return last.results }
            guard compound.sequence == (last?.sequence ?? 0) &+ 1 else { return Self.refusal(.seqMisordered) }
            state.carriedOut.append(compound)
            let results = Self.results(of: compound, answer)
            state.last[slot] = (compound.sequence, results)
            return results
        }
    }

    private static func refusal(_ status: Status) -> [UInt8] {
        var encoder = XDREncoder()
        encoder.uint32(status.rawValue)
        encoder.opaque([])
        for word in [1, 11, status.rawValue] { encoder.uint32(word) }
        return encoder.bytes
    }

    private static func results(of compound: CallbackCompound, _ answer: Answer) -> [UInt8] {
        var (highest, target): (UInt32, UInt32) = (15, 15)
        if case .slots(let named, let wanted) = answer { (highest, target) = (named, wanted) }
        var status = Status.ok
        if case .outcome(let given) = answer { status = given }
        var encoder = XDREncoder()
        encoder.uint32(status.rawValue)
        encoder.opaque(compound.tag)
        for word: UInt32 in [compound.notifyLock == nil ? 1 : 2, 11, 0] { encoder.uint32(word) }
        encoder.fixed(compound.session.bytes)
        for word in [compound.sequence, compound.slot, highest, target] { encoder.uint32(word) }
        if compound.notifyLock != nil { for word in [13, status.rawValue] { encoder.uint32(word) } }
        return encoder.bytes
    }
}

/// Waits until something is so.
/// - Throws: when it is not after `time`.
package func eventually(_ what: String, within time: Duration = .seconds(10), _ isSo: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + time
    while !(try await isSo()) {
        guard ContinuousClock.now < deadline else { throw ProtocolViolation("there never were \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}
