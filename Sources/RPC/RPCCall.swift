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
    /// RPCSEC_GSS (RFC 2203 §3).
    static let gss: UInt32 = 6
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

    /// What a call of something that is not served is answered with.
    fileprivate func refusal(of number: UInt32, version: UInt32, procedure: UInt32) -> RPCReply? {
        guard number == self.number else { return .programUnavailable }
        guard versions.contains(version) else { return .programMismatch(low: versions.lowerBound, high: versions.upperBound) }
        return procedure < procedures ? nil : .procedureUnavailable
    }
}

/// Who makes a call, as far as its header says.
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
        /// Find out whether the caller is who it says, then run the procedure.
        case gss(GSSCall)
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
        let refusal = program.refusal(of: number, version: version, procedure: procedure)
        let flavor = try reader.uint32()
        guard let length = try bodyLength(&reader) else { return .refused(xid: xid, .authError(.badCredential)) }
        let body = try reader.fixedOpaque(length)
        if flavor == RPCAuthentication.gss {
            return try decodeGSS(&reader, body, xid: xid, procedure: procedure, refusal: refusal)
        }
        guard let credential = credential(flavor, body, &credentials) else { return .refused(xid: xid, .authError(.badCredential)) }
        guard try isVerifierEmpty(&reader) else { return .refused(xid: xid, .authError(.badVerifier)) }
        if let refusal { return .refused(xid: xid, refusal) }
        return .call(
            RPCCall(xid: xid, version: version, procedure: procedure, credential: credential, argumentsOffset: reader.offset))
    }

    /// Nil is a bad credential. A flavor that is not served is one too: it is what the Linux server answers, so what
    /// clients know as "try another flavor".
    private static func credential(_ flavor: UInt32, _ body: RawSpan, _ credentials: inout CredentialCache) -> RPCCredential? {
        switch flavor {
        case RPCAuthentication.none: return body.isEmpty ? RPCCredential.none : nil
        case RPCAuthentication.sys:
            guard let credential = try? credentials.authSys(body) else { return nil }
            return .sys(credential)
        default: return nil
        }
    }

    /// Goes on behind the credential `body` with its verifier (RFC 2203 §5.2.2, §5.3.1).
    private static func decodeGSS(
        _ reader: inout XDRReader, _ body: RawSpan, xid: UInt32, procedure: UInt32, refusal: RPCReply?
    ) throws(XDRError) -> Disposition {
        let headerEnd = reader.offset
        let credential: GSSCredential
        switch GSSCredential.decode(body) {
        case .success(let decoded): credential = decoded
        case .failure(let status): return .refused(xid: xid, .authError(status))
        }
        // Control messages are calls of NULL.
        guard credential.procedure == .data || procedure == 0 else { return .refused(xid: xid, .authError(.badCredential)) }
        let flavor = try reader.uint32()
        guard let length = try bodyLength(&reader) else { return .refused(xid: xid, .authError(.badVerifier)) }
        let checksum = reader.offset..<reader.offset + length
        _ = try reader.fixedOpaque(length)
        let isGood =
            switch credential.procedure {
            case .initialize, .continueInitialize: flavor == RPCAuthentication.none && length == 0
            case .data, .destroy: flavor == RPCAuthentication.gss
            }
        guard isGood else { return .refused(xid: xid, .authError(.badVerifier)) }
        return .gss(
            GSSCall(
                xid: xid, procedure: procedure, credential: credential, headerEnd: headerEnd, checksum: checksum,
                argumentsOffset: reader.offset, refusal: refusal))
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
        begin(to: &writer, xid: xid, program: program, version: version, procedure: procedure)
        writer.uint32(flavor)
        writer.opaque(credential)
        writer.rpcVerifier(nil)
    }

    /// Writes the header of a call up to the credential.
    package static func begin(to writer: inout XDRWriter, xid: UInt32, program: UInt32, version: UInt32, procedure: UInt32) {
        for word in [xid, RPCMessage.call, RPCMessage.version, program, version, procedure] { writer.uint32(word) }
    }
}

extension XDRWriter {
    /// The verifier of a call or a reply.
    /// - Parameter checksum: its body with RPCSEC_GSS; nil for AUTH_NONE.
    package mutating func rpcVerifier(_ checksum: RawSpan?) {
        if let checksum {
            uint32(RPCAuthentication.gss)
            opaque(checksum)
        } else {
            uint32(RPCAuthentication.none)
            uint32(0)
        }
    }
}
