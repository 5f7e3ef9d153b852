internal import CGSSAPI

/// A context of GSSAPI on the accepting side (RFC 2743 §1.1.3), from its first token on.
///
/// Its owner sees to it that one thread at a time uses it: libkrb5 counts tokens and keeps the keys it derives in the context, and
/// has no lock for them.
final class SecurityContext: @unchecked Sendable {
    private var pointer: gss_ctx_id_t?

    deinit {
        var minor: OM_uint32 = 0
        gss_delete_sec_context(&minor, &pointer, nil)
    }

    // MARK: Making it

    /// What came of a token.
    struct Acceptance {
        var status: GSSStatus
        /// What the client is to be given back.
        var token: [UInt8] = []
        /// Once it is complete: who the client is, and for how many seconds, nil for ever.
        var principal = ""
        var seconds: UInt32?
    }

    /// GSS_Accept_sec_context. Blocks on the keytab.
    func accept(_ token: RawSpan, with credential: AcceptorCredential) -> Acceptance {
        var (minor, ignored): (OM_uint32, OM_uint32) = (0, 0)
        var (seconds, flags): (OM_uint32, OM_uint32) = (0, 0)
        var name: gss_name_t?
        var output = gss_buffer_desc()
        let major = token.withUnsafeBytes { token in
            var input = gss_buffer_desc(length: token.count, value: UnsafeMutableRawPointer(mutating: token.baseAddress))
            return gss_accept_sec_context(
                &minor, &pointer, credential.pointer, &input, nil, &name, nil, &output, &flags, &seconds, nil)
        }
        defer {
            gss_release_name(&ignored, &name)
            gss_release_buffer(&ignored, &output)
        }
        var acceptance = Acceptance(status: GSSStatus(major: major, minor: minor))
        guard acceptance.status.isComplete || acceptance.status.needsMore else { return acceptance }
        acceptance.token = Array(UnsafeRawBufferPointer(start: output.value, count: output.length))
        guard acceptance.status.isComplete else { return acceptance }
        let protection = OM_uint32(GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG)
        guard flags & protection == protection, let principal = Self.text(of: name) else { return Acceptance(status: .failure) }
        acceptance.principal = principal
        acceptance.seconds = seconds == OM_uint32.max ? nil : seconds
        return acceptance
    }

    private static func text(of name: gss_name_t?) -> String? {
        var minor: OM_uint32 = 0
        var text = gss_buffer_desc()
        guard gss_display_name(&minor, name, &text, nil) == 0 else { return nil }
        defer { gss_release_buffer(&minor, &text) }
        return String(validating: UnsafeRawBufferPointer(start: text.value, count: text.length), as: UTF8.self)
    }

    // MARK: Using it

    /// Bytes of a checksum; nil when there can be none.
    func checksumLength() -> Int? {
        withParts([(GSS_IOV_BUFFER_TYPE_DATA, nil, 4), (GSS_IOV_BUFFER_TYPE_MIC_TOKEN, nil, 0)]) { parts in
            var minor: OM_uint32 = 0
            let major = gss_get_mic_iov_length(&minor, pointer, 0, parts.baseAddress, Int32(parts.count))
            return major == 0 ? parts[1].buffer.length : nil
        }
    }

    /// The checksum of a number, which is `length` bytes long, as verifiers have it.
    func checksum(of number: UInt32, length: Int) -> [UInt8]? {
        withUnsafeBytes(of: number.bigEndian) { checksum(of: $0, length: length) }
    }

    func checksum(of bytes: UnsafeRawBufferPointer, length: Int) -> [UInt8]? {
        var checksum = [UInt8](repeating: 0, count: length)
        return checksum.withUnsafeMutableBytes { sign(bytes, into: $0) } ? checksum : nil
    }

    /// GSS_GetMIC: puts the checksum of `bytes`, which is `checksum.count` long, at `checksum`.
    func sign(_ bytes: UnsafeRawBufferPointer, into checksum: UnsafeMutableRawBufferPointer) -> Bool {
        withParts([
            (GSS_IOV_BUFFER_TYPE_DATA, UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count),
            (GSS_IOV_BUFFER_TYPE_MIC_TOKEN, checksum.baseAddress, checksum.count),
        ]) { parts in
            var minor: OM_uint32 = 0
            let major = gss_get_mic_iov(&minor, pointer, 0, parts.baseAddress, Int32(parts.count))
            return major == 0 && parts[1].buffer.length == checksum.count
        }
    }

    /// GSS_VerifyMIC.
    func verify(_ bytes: UnsafeRawBufferPointer, _ checksum: UnsafeRawBufferPointer) -> Bool {
        var minor: OM_uint32 = 0
        var message = gss_buffer_desc(length: bytes.count, value: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
        var token = gss_buffer_desc(length: checksum.count, value: UnsafeMutableRawPointer(mutating: checksum.baseAddress))
        return gss_verify_mic(&minor, pointer, &message, &token, nil) == 0
    }

    /// What GSS_Wrap puts around data.
    struct Wrapping: Sendable {
        var header: Int
        var padding: Int
        var trailer: Int

        /// Bytes behind the data.
        var tail: Int { padding + trailer }
    }

    /// What it puts around `count` bytes; nil when they cannot be wrapped.
    func wrapping(of count: Int) -> Wrapping? {
        withParts(wrapped(nil, Wrapping(header: 0, padding: 0, trailer: 0), count)) { parts in
            var minor: OM_uint32 = 0
            var isConfidential: Int32 = 0
            let major = gss_wrap_iov_length(&minor, pointer, 1, 0, &isConfidential, parts.baseAddress, Int32(parts.count))
            guard major == 0, isConfidential != 0 else { return nil }
            return Wrapping(header: parts[0].buffer.length, padding: parts[2].buffer.length, trailer: parts[3].buffer.length)
        }
    }

    /// GSS_Wrap in place: `message` has room for what `wrapping` says in front of the data and behind it.
    func wrap(_ message: UnsafeMutableRawBufferPointer, _ wrapping: Wrapping) -> Bool {
        let count = message.count - wrapping.header - wrapping.tail
        return withParts(wrapped(message.baseAddress, wrapping, count)) { parts in
            var minor: OM_uint32 = 0
            var isConfidential: Int32 = 0
            let major = gss_wrap_iov(&minor, pointer, 1, 0, &isConfidential, parts.baseAddress, Int32(parts.count))
            let lengths = [parts[0], parts[2], parts[3]].map(\.buffer.length)
            return major == 0 && isConfidential != 0 && lengths == [wrapping.header, wrapping.padding, wrapping.trailer]
        }
    }

    private func wrapped(_ base: UnsafeMutableRawPointer?, _ wrapping: Wrapping, _ count: Int) -> [Part] {
        let data = base.map { $0 + wrapping.header }
        let padding = data.map { $0 + count }
        return [
            (GSS_IOV_BUFFER_TYPE_HEADER, base, wrapping.header), (GSS_IOV_BUFFER_TYPE_DATA, data, count),
            (GSS_IOV_BUFFER_TYPE_PADDING, padding, wrapping.padding),
            (GSS_IOV_BUFFER_TYPE_TRAILER, padding.map { $0 + wrapping.padding }, wrapping.trailer),
        ]
    }

    /// GSS_Unwrap in place: the part of `message` where the data is now; nil unless it was encrypted by the client.
    func unwrap(_ message: UnsafeMutableRawBufferPointer) -> Range<Int>? {
        guard let base = message.baseAddress else { return nil }
        return withParts([(GSS_IOV_BUFFER_TYPE_STREAM, base, message.count), (GSS_IOV_BUFFER_TYPE_DATA, nil, 0)]) { parts in
            var minor: OM_uint32 = 0
            var isConfidential: Int32 = 0
            let major = gss_unwrap_iov(&minor, pointer, &isConfidential, nil, parts.baseAddress, Int32(parts.count))
            guard major == 0, isConfidential != 0, let data = parts[1].buffer.value else { return nil }
            let start = UnsafeRawPointer(data) - UnsafeRawPointer(base)
            guard start >= 0, start + parts[1].buffer.length <= message.count else { return nil }
            return start..<start + parts[1].buffer.length
        }
    }

    private typealias Part = (type: Int32, start: UnsafeMutableRawPointer?, count: Int)

    private func withParts<Result>(_ parts: [Part], _ body: (UnsafeMutableBufferPointer<gss_iov_buffer_desc>) -> Result) -> Result {
        var buffers = parts.map {
            gss_iov_buffer_desc(type: OM_uint32($0.type), buffer: gss_buffer_desc(length: $0.count, value: $0.start))
        }
        return buffers.withUnsafeMutableBufferPointer { body($0) }
    }
}
