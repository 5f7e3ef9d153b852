import XDR

/// msg_type and the version of the protocol (RFC 5531 §9).
enum RPCMessage {
    static let call: UInt32 = 0
    static let reply: UInt32 = 1
    static let version: UInt32 = 2
}

/// auth_flavor (RFC 5531 §8.2).
enum RPCAuthentication {
    static let none: UInt32 = 0
    static let sys: UInt32 = 1
    /// Longest body of an opaque_auth in bytes.
    static let maximumBody = 400
}

/// A program that is served here, in these versions; each has the procedures from 0 up to, not including, `procedures`.
package struct RPCProgram: Sendable {
    package let number: UInt32
    package let versions: ClosedRange<UInt32>
    package let procedures: UInt32

    package init(number: UInt32, versions: ClosedRange<UInt32>, procedures: UInt32) {
        self.number = number
        self.versions = versions
        self.procedures = procedures
    }
}

/// Who makes a call.
package enum RPCCredential: Sendable {
    case none
    case sys(AuthSys)
}

/// call_body: the header of a call to a procedure that exists (RFC 5531 §9).
package struct RPCCall: Sendable {
    package let xid: UInt32
    package let version: UInt32
    /// 0 is NULL: no arguments, no results, answered with `RPCReply.success`.
    package let procedure: UInt32
    package let credential: RPCCredential
    /// The byte of the record at which the arguments start.
    package let argumentsOffset: Int

    /// What is to be done with a record.
    package enum Disposition: Sendable {
        /// Run the procedure.
        case call(RPCCall)
        /// Answer with this error, nothing is run.
        case refused(xid: UInt32, RPCReply)
        /// The answer to a call that was made over this connection; its body starts at byte 8.
        case reply(xid: UInt32)
        /// Neither a call nor a reply can be read: close the connection. There is no xid to answer to, or no way to tell
        /// that the sender would understand the answer, and a sender of such a record has lost the record boundaries or is
        /// hostile. RFC 5531 does not say what to do; the Linux server closes too.
        case undecodable
    }

    /// Reads the header of `record` and checks it in the order of RFC 5531 §9: RPC version, authentication, program,
    /// version, procedure. Allocates only for a credential `credentials` has not seen lately.
    package static func decode(
        _ record: RawSpan, for program: RPCProgram, credentials: inout CredentialCache
    ) -> Disposition {
        var reader = XDRReader(record)
        do throws(XDRError) {
            let xid = try reader.uint32()
            switch try reader.uint32() {
            case RPCMessage.call: return try decodeBody(&reader, xid: xid, for: program, credentials: &credentials)
            case RPCMessage.reply: return .reply(xid: xid)
            default: return .undecodable
            }
        } catch {
            return .undecodable
        }
    }

    private static func decodeBody(
        _ reader: inout XDRReader, xid: UInt32, for program: RPCProgram, credentials: inout CredentialCache
    ) throws(XDRError) -> Disposition {
        // Behind the version number another version may have another layout.
        guard try reader.uint32() == RPCMessage.version else {
            return .refused(xid: xid, .rpcMismatch(low: RPCMessage.version, high: RPCMessage.version))
        }
        let number = try reader.uint32()
        let version = try reader.uint32()
        let procedure = try reader.uint32()
        guard let credential = try credential(from: &reader, credentials: &credentials) else {
            return .refused(xid: xid, .authError(.badCredential))
        }
        guard try isVerifierEmpty(&reader) else { return .refused(xid: xid, .authError(.badVerifier)) }
        guard number == program.number else { return .refused(xid: xid, .programUnavailable) }
        guard program.versions.contains(version) else {
            return .refused(
                xid: xid, .programMismatch(low: program.versions.lowerBound, high: program.versions.upperBound))
        }
        guard procedure < program.procedures else { return .refused(xid: xid, .procedureUnavailable) }
        return .call(
            RPCCall(xid: xid, version: version, procedure: procedure, credential: credential, argumentsOffset: reader.offset))
    }

    /// Nil is a bad credential. A flavor that is not served is one too: it is what the Linux server answers, so what
    /// clients know as "try another flavor".
    private static func credential(
        from reader: inout XDRReader, credentials: inout CredentialCache
    ) throws(XDRError) -> RPCCredential? {
        let flavor = try reader.uint32()
        guard let length = try bodyLength(&reader) else { return nil }
        let body = try reader.fixedOpaque(length)
        switch flavor {
        case RPCAuthentication.none: return length == 0 ? RPCCredential.none : nil
        case RPCAuthentication.sys:
            guard let credential = try? credentials.authSys(body) else { return nil }
            return .sys(credential)
        default: return nil
        }
    }

    /// The verifier of AUTH_NONE and AUTH_SYS is AUTH_NONE without a body.
    private static func isVerifierEmpty(_ reader: inout XDRReader) throws(XDRError) -> Bool {
        let flavor = try reader.uint32()
        let length = try reader.uint32()
        return flavor == RPCAuthentication.none && length == 0
    }

    private static func bodyLength(_ reader: inout XDRReader) throws(XDRError) -> Int? {
        let length = Int(try reader.uint32())
        return length <= RPCAuthentication.maximumBody ? length : nil
    }
}

extension RPCCall {
    /// Writes the header of a call to the other end (RFC 5531 §9), with an AUTH_NONE verifier, at the writer's end. Arguments
    /// follow.
    package static func write(
        to writer: inout XDRWriter, xid: UInt32, program: UInt32, version: UInt32, procedure: UInt32, flavor: UInt32, credential: [UInt8]
    ) {
        for word in [xid, RPCMessage.call, RPCMessage.version, program, version, procedure, flavor] { writer.uint32(word) }
        writer.opaque(credential)
        writer.uint32(RPCAuthentication.none)
        writer.uint32(0)
    }
}
