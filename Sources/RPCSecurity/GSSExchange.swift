import RPC
import XDR

/// A call that its client was proved to have made, and the reply to it (RFC 2203 §5.3).
package struct GSSExchange: Sendable {
    private let protection: GSSProtection
    /// The checksum of the number.
    private let verifier: [UInt8]

    init(context: GSSContext, sequence: UInt32, service: GSSService, verifier: [UInt8]) {
        protection = GSSProtection(context: context, sequence: sequence, service: service)
        self.verifier = verifier
    }

    package var context: GSSContext { protection.context }
    package var service: GSSService { protection.service }

    /// Takes the protection off the arguments, in place.
    /// - Returns: the arguments as a record of their own; nil when they are not as the client sent them: GARBAGE_ARGS.
    package func arguments(of call: GSSCall, in record: Record) -> Record? { protection.open(record, at: call.argumentsOffset) }

    /// Whether a reply of so many bytes is to be protected where nothing else is kept waiting.
    package func takesLong(_ count: Int) -> Bool { service != .none && context.takesLong(count) }

    /// Bytes `finish` puts behind the results at most.
    package var tail: Int { protection.tail }

    /// Writes the header of the reply; behind that of a success the results are to stand (§5.3.3.2).
    package func begin(_ reply: RPCReply, xid: UInt32, to writer: inout XDRWriter) {
        reply.write(to: &writer, xid: xid, checksum: verifier.span.bytes)
        if reply == .success { protection.begin(&writer) }
    }

    /// Protects the results, which begin at byte `start` of the writer.
    /// - Returns: false when that cannot be done: there must be no reply then (§5.3.3.4).
    package func finish(_ writer: inout XDRWriter, resultsAt start: Int) -> Bool { protection.finish(&writer, from: start) }
}
