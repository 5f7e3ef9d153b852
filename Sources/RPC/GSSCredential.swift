import XDR

/// rpc_gss_cred_vers_1_t: what an RPCSEC_GSS call is, and in which context it is made (RFC 2203 §5).
package struct GSSCredential: Equatable, Sendable {
    /// rpc_gss_proc_t.
    package enum Procedure: UInt32, Sendable {
        case data = 0
        case initialize = 1
        case continueInitialize = 2
        case destroy = 3
    }

    /// RPCSEC_GSS_VERS_1.
    private static let version: UInt32 = 1

    package let procedure: Procedure
    /// Without meaning in context creation, like `service`.
    package let sequence: UInt32
    package let service: GSSService
    /// Nil when it is none that this server gives out.
    package let handle: GSSHandle?

    /// Reads the body of a credential.
    /// - Returns: `rejectedCredential` for a context that is to be made in another version, `badCredential` for all else that is
    ///   wrong (§5.2.3.2, §5.3.3.3).
    static func decode(_ body: RawSpan) -> Result<GSSCredential, AuthStatus> {
        var reader = XDRReader(body)
        do throws(XDRError) {
            let version = try reader.uint32()
            let procedure = Procedure(rawValue: try reader.uint32())
            guard version == Self.version else {
                return .failure(procedure == .initialize || procedure == .continueInitialize ? .rejectedCredential : .badCredential)
            }
            let sequence = try reader.uint32()
            let service = GSSService(rawValue: try reader.uint32())
            let handle = try reader.opaque(maximum: body.byteCount)
            guard let procedure, reader.remaining == 0 else { return .failure(.badCredential) }
            switch procedure {
            case .initialize: guard handle.isEmpty else { return .failure(.badCredential) }
            case .continueInitialize: guard !handle.isEmpty else { return .failure(.badCredential) }
            case .data, .destroy: guard service != nil else { return .failure(.badCredential) }
            }
            return .success(
                GSSCredential(procedure: procedure, sequence: sequence, service: service ?? .none, handle: GSSHandle(handle)))
        } catch {
            return .failure(.badCredential)
        }
    }
}

extension GSSCredential {
    /// Bytes of a handle at most, if the credential is not to be longer than RFC 5531 §8.2 has it.
    package static let longestHandle = RPCAuthentication.maximumBody - words
    /// Bytes of a body in front of the handle.
    private static let words = 20

    /// Bytes of the body of a credential with a handle of so many.
    package static func length(handle: Int) -> Int { words + (handle + 3) & ~3 }

    /// Writes the credential of a call to the other end, with a handle that is its own.
    package static func write(to writer: inout XDRWriter, sequence: UInt32, service: GSSService, handle: [UInt8]) {
        writer.uint32(RPCAuthentication.gss)
        writer.uint32(UInt32(length(handle: handle.count)))
        for word in [version, Procedure.data.rawValue, sequence, service.rawValue] { writer.uint32(word) }
        writer.opaque(handle)
    }
}

/// rpc_gss_service_t: how the arguments and results of a call are protected (RFC 2203 §5).
package enum GSSService: UInt32, Sendable {
    /// Only the header of the call is.
    case none = 1
    case integrity = 2
    case privacy = 3

    /// The flavor of a call with this service in a Kerberos context (RFC 2623 §4.2, RFC 8881 §3.2.1).
    package var flavor: SecurityFlavor {
        switch self {
        case .none: .krb5
        case .integrity: .krb5i
        case .privacy: .krb5p
        }
    }
}

/// The name a server gives to a context (RFC 2203 §5.2.3.1). Of this one: eight bytes that no other context of it had.
package struct GSSHandle: Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Nil for what has another length.
    package init?(_ bytes: RawSpan) {
        guard bytes.byteCount == 8 else { return nil }
        rawValue = UInt64(bigEndian: bytes.unsafeLoadUnaligned(as: UInt64.self))
    }
}

/// A call with an RPCSEC_GSS credential. Nothing in it is proved yet.
package struct GSSCall: Sendable {
    package let xid: UInt32
    package let procedure: UInt32
    package let credential: GSSCredential
    /// The byte of the record at which the header ends of which the verifier holds a checksum: that behind the credential.
    package let headerEnd: Int
    /// Where in the record the checksum stands; empty in context creation.
    package let checksum: Range<Int>
    /// The byte of the record at which the arguments start.
    package let argumentsOffset: Int
    /// Why the call cannot be carried out whoever makes it: who asks has to be proved first.
    package let refusal: RPCReply?
}
