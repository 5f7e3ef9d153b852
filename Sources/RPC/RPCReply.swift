import XDR

/// auth_stat: why authentication failed (RFC 5531 §9).
package enum AuthStatus: UInt32, Error, Sendable {
    case badCredential = 1
    case rejectedCredential = 2
    case badVerifier = 3
    case rejectedVerifier = 4
    case tooWeak = 5
    case invalidResponse = 6
    case failed = 7
    /// RPCSEC_GSS_CREDPROBLEM and RPCSEC_GSS_CTXPROBLEM (RFC 2203 §5.3.3.3).
    case gssCredentialProblem = 13
    case gssContextProblem = 14
}

/// reply_body: what a call is answered with (RFC 5531 §9). Results follow `success`, nothing follows the others.
package enum RPCReply: Equatable, Sendable {
    case success
    case programUnavailable
    case programMismatch(low: UInt32, high: UInt32)
    case procedureUnavailable
    case garbageArguments
    case systemError
    case rpcMismatch(low: UInt32, high: UInt32)
    case authError(AuthStatus)

    /// Bytes `success` takes with an AUTH_NONE verifier; results start behind it.
    package static let successLength = 24

    /// Writes the reply to the call `xid` at the writer's end.
    /// - Parameter checksum: the body of an RPCSEC_GSS verifier, which only the replies to accepted calls have; nil for AUTH_NONE.
    package func write(to writer: inout XDRWriter, xid: UInt32, checksum: RawSpan? = nil) {
        writer.uint32(xid)
        writer.uint32(RPCMessage.reply)
        switch self {
        case .success: Self.accepted(0, checksum, to: &writer)
        case .programUnavailable: Self.accepted(1, checksum, to: &writer)
        case .programMismatch(let low, let high):
            Self.accepted(2, checksum, to: &writer)
            writer.uint32(low)
            writer.uint32(high)
        case .procedureUnavailable: Self.accepted(3, checksum, to: &writer)
        case .garbageArguments: Self.accepted(4, checksum, to: &writer)
        case .systemError: Self.accepted(5, checksum, to: &writer)
        case .rpcMismatch(let low, let high):
            Self.denied(0, to: &writer)
            writer.uint32(low)
            writer.uint32(high)
        case .authError(let status):
            Self.denied(1, to: &writer)
            writer.uint32(status.rawValue)
        }
    }

    private static func accepted(_ status: UInt32, _ checksum: RawSpan?, to writer: inout XDRWriter) {
        writer.uint32(0)
        writer.rpcVerifier(checksum)
        writer.uint32(status)
    }

    private static func denied(_ status: UInt32, to writer: inout XDRWriter) {
        writer.uint32(1)
        writer.uint32(status)
    }
}

extension RPCReply {
    /// Reads the reply to a call made here, from its first byte up to the results.
    /// - Returns: also where in the record the body of its verifier stands, if that is one of RPCSEC_GSS. What others say does not
    ///   matter.
    package static func decode(from reader: inout XDRReader) throws(XDRError) -> (reply: RPCReply, checksum: Range<Int>?) {
        _ = try reader.uint32()  // xid
        guard try reader.uint32() == RPCMessage.reply else { throw .invalid }
        switch try reader.uint32() {
        case 0: return try accepted(from: &reader)
        case 1: return (try denied(from: &reader), nil)
        default: throw .invalid
        }
    }

    private static func accepted(from reader: inout XDRReader) throws(XDRError) -> (RPCReply, Range<Int>?) {
        let flavor = try reader.uint32()
        let start = reader.offset + 4
        let length = try reader.opaque(maximum: RPCAuthentication.maximumBody).byteCount
        return (try outcome(from: &reader), flavor == RPCAuthentication.gss ? start..<start + length : nil)
    }

    private static func outcome(from reader: inout XDRReader) throws(XDRError) -> RPCReply {
        switch try reader.uint32() {
        case 0: return .success
        case 1: return .programUnavailable
        case 2: return .programMismatch(low: try reader.uint32(), high: try reader.uint32())
        case 3: return .procedureUnavailable
        case 4: return .garbageArguments
        case 5: return .systemError
        default: throw .invalid
        }
    }

    private static func denied(from reader: inout XDRReader) throws(XDRError) -> RPCReply {
        switch try reader.uint32() {
        case 0: return .rpcMismatch(low: try reader.uint32(), high: try reader.uint32())
        case 1: return .authError(AuthStatus(rawValue: try reader.uint32()) ?? .failed)
        default: throw .invalid
        }
    }
}
