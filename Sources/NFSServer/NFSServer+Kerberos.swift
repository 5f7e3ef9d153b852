import Glibc
import RPC
import RPCSecurity
import Synchronization
import XDR

/// RPCSEC_GSS as the server offers it: contexts, and the threads that make them.
final class KerberosService: Sendable {
    let acceptor: GSSAcceptor
    /// Making a context reads the keytab, and asks who a principal is: neither is to wait for the disk of an export, nor to be
    /// waited for there.
    let makers = WorkerPool(threads: 2)
    /// Protecting a long message keeps a processor busy for milliseconds, so it is not done where others wait to be received.
    private let protectors = WorkerPool(threads: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    /// When a refusal was logged last.
    private let logged = Atomic<UInt64>(0)

    init(_ credential: AcceptorCredential, _ limits: Limits, _ clock: ServerClock) {
        acceptor = GSSAcceptor(
            credential, limit: limits.securityContexts, longestMessage: limits.maximumMessage, now: clock.now)
    }

    /// Has `work` done that takes long in a context, behind what is to be done in it already.
    func submit(in context: GSSContext, _ work: @escaping @Sendable () -> Void) {
        if context.take(work) { submitFirst(of: context) }
    }

    /// One piece at a time, so that contexts take turns.
    private func submitFirst(of context: GSSContext) {
        protectors.submit { if context.doFirst() { self.submitFirst(of: context) } }
    }

    /// Whether a refusal may be logged: one in a second, however many somebody provokes.
    func mayLog(now: UInt64) -> Bool {
        let last = logged.load(ordering: .relaxed)
        guard last == 0 || now > last + 1_000_000_000 else { return false }
        return logged.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
    }
}

extension NFSServer {
    /// Takes a call with RPCSEC_GSS (RFC 2203 §5).
    func receive(_ call: GSSCall, _ record: Record, on connection: any RPCConnection, _ context: ConnectionContext) {
        guard let kerberos else { return answer(.authError(.rejectedCredential), to: call.xid, on: connection) }
        switch call.credential.procedure {
        case .initialize, .continueInitialize:
            kerberos.makers.submit { self.establish(call, record, on: connection, kerberos) }
        case .data, .destroy:
            guard let known = kerberos.acceptor.context(of: call, recent: &context.securityContexts) else {
                return answer(.authError(.gssCredentialProblem), to: call.xid, on: connection)
            }
            guard known.takesLong(call.credential.service == .none ? 0 : record.range.count) else {
                return take(call, record, in: known, on: connection, context, kerberos)
            }
            kerberos.submit(in: known) { self.take(call, record, in: known, on: connection, context, kerberos) }
        }
    }

    private func take(
        _ call: GSSCall, _ record: Record, in known: GSSContext, on connection: any RPCConnection, _ context: ConnectionContext,
        _ kerberos: KerberosService
    ) {
        switch kerberos.acceptor.authenticate(call, record, in: known) {
        case .proved(let exchange):
            if call.credential.procedure == .destroy { kerberos.acceptor.destroy(exchange) }
            perform(call, exchange, record, on: connection, context)
        case .refused(let status): answer(.authError(status), to: call.xid, on: connection)
        case .discarded: connection.leaveUnanswered()
        }
    }

    private func establish(_ call: GSSCall, _ record: Record, on connection: any RPCConnection, _ kerberos: KerberosService) {
        var reply = XDRWriter(pool: pool, startingAt: RecordMark.length, limit: 128 * 1024)
        switch kerberos.acceptor.establish(call, record, reply: &reply) {
        case .made(let context):
            // Where it may take its time, so that it is known when the calls come.
            _ = try? identities.identity(of: context.principal, mayBlock: true)
        case .unfinished: break
        case .refused(let reason):
            guard kerberos.mayLog(now: clock.now()) else { break }
            log.info("refused a Kerberos ticket", metadata: ["client": "\(connection.peer)", "reason": "\(reason)"])
        }
        let (buffer, count) = reply.detach()
        connection.send(buffer, count: count)
    }

    /// Carries out a call whose sender is proved.
    private func perform(
        _ call: GSSCall, _ exchange: GSSExchange, _ record: Record, on connection: any RPCConnection, _ context: ConnectionContext
    ) {
        if let refusal = call.refusal { return answer(refusal, to: call, exchange, on: connection) }
        // A call that ends a context has no arguments (§5.4).
        if call.credential.procedure == .destroy { return answer(.success, to: call, exchange, on: connection) }
        guard let arguments = exchange.arguments(of: call, in: record) else {
            return answer(.garbageArguments, to: call, exchange, on: connection)
        }
        guard call.procedure != 0 else { return answer(.success, to: call, exchange, on: connection) }
        guard
            let compound = Compound(
                .proved(exchange), arguments, at: 0, xid: call.xid, callLength: record.range.count, on: connection, context,
                server: self, pool: pool)
        else { return answer(.garbageArguments, to: call, exchange, on: connection) }
        advance(compound)
    }

    /// Answers a call without results.
    private func answer(_ reply: RPCReply, to call: GSSCall, _ exchange: GSSExchange, on connection: any RPCConnection) {
        var writer = XDRWriter(pool: pool, startingAt: RecordMark.length, limit: 1024)
        exchange.begin(reply, xid: call.xid, to: &writer)
        let start = writer.count
        let isProtected = reply != .success || exchange.finish(&writer, resultsAt: start)
        let (buffer, count) = writer.detach()
        if isProtected { connection.send(buffer, count: count) } else { connection.close() }
    }
}
