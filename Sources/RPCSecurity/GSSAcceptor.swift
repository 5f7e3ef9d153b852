import RPC
import Synchronization
import XDR

/// RPCSEC_GSS version 1 on the side of the server (RFC 2203): makes contexts, and says who makes a call.
package final class GSSAcceptor: Sendable {
    /// The longest token of a client: a ticket may name hundreds of groups.
    private static let longestToken = 64 * 1024

    private let credential: AcceptorCredential
    private let longestMessage: Int
    private let now: @Sendable () -> UInt64
    private let table: Mutex<GSSContextTable>

    /// - Parameters:
    ///   - limit: contexts kept at most.
    ///   - longestMessage: bytes of results at most.
    ///   - now: nanoseconds of any clock that does not go back.
    package init(_ credential: AcceptorCredential, limit: Int, longestMessage: Int, now: @escaping @Sendable () -> UInt64) {
        self.credential = credential
        self.longestMessage = longestMessage
        self.now = now
        table = Mutex(GSSContextTable(limit: limit))
    }

    /// The context with this handle, if it is there, its ticket has not ended, and `principal` made it.
    package func context(_ handle: GSSHandle, of principal: String) -> GSSContext? {
        guard let context = table.withLock({ $0[handle] }), context.principal == principal, now() < context.expiry else { return nil }
        return context
    }

    // MARK: Context creation

    /// What came of a call that makes a context.
    package enum Establishment: Sendable {
        case made(GSSContext)
        /// The client has to send another token.
        case unfinished
        /// With the reason, as libkrb5 has it.
        case refused(String)
    }

    /// Answers a call that makes a context or goes on making one (§5.2). Blocks on the keytab.
    package func establish(_ call: GSSCall, _ record: Record, reply: inout XDRWriter) -> Establishment {
        if let refusal = call.refusal {
            refusal.write(to: &reply, xid: call.xid)
            return .refused("the program or its version is not served")
        }
        var arguments = XDRReader(record.bytes, at: call.argumentsOffset)
        guard let token = try? arguments.opaque(maximum: Self.longestToken), arguments.remaining == 0 else {
            RPCReply.garbageArguments.write(to: &reply, xid: call.xid)
            return .refused("there is no token in the call")
        }
        guard let (handle, pending) = begin(call.credential) else { return refuse(.noContext, call, &reply) }
        let acceptance = pending.accept(token, with: credential)
        if acceptance.status.needsMore {
            table.withLock { $0.keep(pending, as: handle) }
            RPCReply.success.write(to: &reply, xid: call.xid)
            ContextReply(acceptance, handle).write(to: &reply)
            return .unfinished
        }
        guard acceptance.status.isComplete else { return refuse(acceptance.status, call, &reply) }
        let now = now()
        let expiry = acceptance.seconds.map { now + UInt64($0) * 1_000_000_000 } ?? .max
        guard
            let context = GSSContext(
                pending, handle, principal: acceptance.principal, expiry: expiry, now: now, longest: longestMessage)
        else { return refuse(.failure, call, &reply) }
        guard let verifier = context.checksum(of: SequenceWindow.size) else { return refuse(.failure, call, &reply) }
        RPCReply.success.write(to: &reply, xid: call.xid, checksum: verifier.span.bytes)
        ContextReply(acceptance, handle).write(to: &reply)
        table.withLock { $0.insert(context, now: now) }
        return .made(context)
    }

    /// The context that is to be made: a new one, or that the call names. Nobody else has it.
    private func begin(_ credential: GSSCredential) -> (GSSHandle, SecurityContext)? {
        table.withLock { table in
            if credential.procedure == .initialize { return (table.nextHandle(), SecurityContext()) }
            return credential.handle.flatMap { handle in table.takeUnfinished(handle).map { (handle, $0) } }
        }
    }

    private func refuse(_ status: GSSStatus, _ call: GSSCall, _ reply: inout XDRWriter) -> Establishment {
        RPCReply.success.write(to: &reply, xid: call.xid)
        ContextReply(SecurityContext.Acceptance(status: status), nil).write(to: &reply)
        return .refused(status.text)
    }

    /// rpc_gss_init_res (§5.2.3.1).
    private struct ContextReply {
        let acceptance: SecurityContext.Acceptance
        /// Nil for a context that is refused.
        let handle: GSSHandle?

        init(_ acceptance: SecurityContext.Acceptance, _ handle: GSSHandle?) {
            self.acceptance = acceptance
            self.handle = handle
        }

        func write(to reply: inout XDRWriter) {
            reply.uint32(handle == nil ? 0 : UInt32(MemoryLayout<UInt64>.size))
            if let handle { reply.uint64(handle.rawValue) }
            reply.uint32(acceptance.status.major)
            reply.uint32(acceptance.status.minor)
            reply.uint32(handle == nil ? 0 : SequenceWindow.size)
            reply.opaque(acceptance.token)
        }
    }

    // MARK: Calls

    /// What is known of a call.
    package enum Authentication: Sendable {
        case proved(GSSExchange)
        case refused(AuthStatus)
        /// It is not answered, so that the client finds out by itself whether it has sent it twice (§5.3.3.1).
        case discarded
    }

    /// The context a call says that it is made in; nil when there is none.
    /// - Parameter recent: the contexts that were used lately where the call comes from.
    package func context(of call: GSSCall, recent: inout RecentContexts) -> GSSContext? {
        call.credential.handle.flatMap { recent[$0] ?? find($0, &recent) }
    }

    /// Says who makes a call (§5.3.3.1, §5.3.3.3).
    package func authenticate(_ call: GSSCall, _ record: Record, in context: GSSContext) -> Authentication {
        let now = now()
        let verifier: [UInt8]
        let bytes = record.bytes
        switch context.check(
            bytes.extracting(0..<call.headerEnd), bytes.extracting(call.checksum), sequence: call.credential.sequence)
        {
        case .forged: return .refused(.gssCredentialProblem)
        case .exhausted: return .refused(.gssContextProblem)
        case .repeated: return .discarded
        case .proved(let checksum): verifier = checksum
        }
        guard now < context.expiry else {
            table.withLock { $0.remove(context) }
            return .refused(.gssContextProblem)
        }
        context.use(now: now)
        return .proved(
            GSSExchange(context: context, sequence: call.credential.sequence, service: call.credential.service, verifier: verifier))
    }

    private func find(_ handle: GSSHandle, _ recent: inout RecentContexts) -> GSSContext? {
        guard let context = table.withLock({ $0[handle] }) else { return nil }
        recent.note(context)
        return context
    }

    /// Forgets the context of a call that says so (§5.4). The call itself is still answered in it.
    package func destroy(_ exchange: GSSExchange) { table.withLock { $0.remove(exchange.context) } }
}

/// The contexts a connection used last, so that a call in one of them looks at nothing that other connections change.
package struct RecentContexts: Sendable {
    private static let capacity = 4
    private var contexts: [GSSContext] = []
    private var oldest = 0

    package init() {}

    fileprivate subscript(handle: GSSHandle) -> GSSContext? { contexts.first { $0.handle == handle && !$0.isDropped } }

    fileprivate mutating func note(_ context: GSSContext) {
        contexts.removeAll(where: \.isDropped)
        if contexts.count < Self.capacity {
            contexts.append(context)
        } else {
            contexts[oldest % Self.capacity] = context
            oldest += 1
        }
    }
}
