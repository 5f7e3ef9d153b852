import RPC
import XDR

/// A context of a client in which the server calls it: gss_cb_handles4 (RFC 8881 §18.33.1).
package struct GSSBackContext: Equatable, Sendable {
    package let context: GSSContext
    /// gcbp_service: how calls and their replies are protected.
    private let service: GSSService
    /// gcbp_handle_from_client: the client's own name for the context.
    private let handle: [UInt8]

    /// - Parameter handle: not longer than `GSSCredential.longestHandle`.
    package init(_ context: GSSContext, service: GSSService, handle: [UInt8]) {
        self.context = context
        self.service = service
        self.handle = handle
    }

    package static func == (one: GSSBackContext, other: GSSBackContext) -> Bool {
        one.context === other.context && one.service == other.service && one.handle == other.handle
    }

    /// A call, with the next number.
    package func newCall() -> GSSBackCall {
        GSSBackCall(GSSProtection(context: context, sequence: context.nextCall(), service: service), handle: handle)
    }

    /// Bytes a call is longer at most than one with AUTH_NONE, and a reply.
    package var callOverhead: Int { GSSCredential.length(handle: handle.count) + replyOverhead }
    package var replyOverhead: Int {
        let protection = GSSProtection(context: context, sequence: 0, service: service)
        return (context.checksumLength + 3) & ~3 + protection.head + protection.tail
    }
}

/// A call to a client in its context, and the reply to it (RFC 2203 §5.3).
package struct GSSBackCall: Sendable {
    private let protection: GSSProtection
    private let handle: [UInt8]

    fileprivate init(_ protection: GSSProtection, handle: [UInt8]) {
        self.protection = protection
        self.handle = handle
    }

    package var context: GSSContext { protection.context }

    /// Writes the call.
    /// - Parameter arguments: writes the arguments.
    /// - Returns: false when it cannot be proved or protected: there must be no call then.
    package func write(
        to writer: inout XDRWriter, xid: UInt32, program: UInt32, version: UInt32, procedure: UInt32,
        _ arguments: (inout XDRWriter) -> Void
    ) -> Bool {
        let header = writer.count
        RPCCall.begin(to: &writer, xid: xid, program: program, version: version, procedure: procedure)
        GSSCredential.write(to: &writer, sequence: protection.sequence, service: protection.service, handle: handle)
        guard let checksum = context.checksum(of: writer.bytes(from: header)) else { return false }
        writer.rpcVerifier(checksum.span.bytes)
        protection.begin(&writer)
        let start = writer.count
        arguments(&writer)
        return protection.finish(&writer, from: start)
    }

    /// Reads what came back (§5.3.3.2).
    /// - Returns: what the client answered, and the results if it carried out the call, without their protection; nil when it is not
    ///   the client's answer to this call.
    package func open(_ record: Record) -> (reply: RPCReply, results: Record)? {
        var reader = XDRReader(record.bytes)
        guard let (reply, checksum) = try? RPCReply.decode(from: &reader) else { return nil }
        let rest = record.part(reader.offset..<record.range.count)
        switch reply {
        // A denial has no verifier.
        case .authError, .rpcMismatch: return (reply, rest)
        default: break
        }
        guard let checksum, context.verify(protection.sequence, record.bytes.extracting(checksum)) else { return nil }
        guard reply == .success else { return (reply, rest) }
        return protection.open(record, at: reader.offset).map { (reply, $0) }
    }
}
