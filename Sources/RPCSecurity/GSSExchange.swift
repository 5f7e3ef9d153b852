import RPC
import XDR

/// A call that its client was proved to have made, and the reply to it (RFC 2203 §5.3).
package struct GSSExchange: Sendable {
    package let context: GSSContext
    let sequence: UInt32
    package let service: GSSService
    /// The checksum of the number.
    let verifier: [UInt8]

    /// seq_num in front of arguments and results.
    private static let sequenceLength = 4
    private static let lengthLength = 4

    // MARK: The call

    /// Takes the protection off the arguments, in place.
    /// - Returns: the arguments as a record of their own; nil when they are not as the client sent them: GARBAGE_ARGS.
    package func arguments(of call: GSSCall, in record: Record) -> Record? {
        switch service {
        case .none: part(call.argumentsOffset..<record.range.count, of: record)
        case .integrity: verified(call, record)
        case .privacy: unwrapped(call, record)
        }
    }

    /// rpc_gss_integ_data (§5.3.2.2).
    private func verified(_ call: GSSCall, _ record: Record) -> Record? {
        var reader = XDRReader(record.bytes, at: call.argumentsOffset)
        guard let body = try? reader.opaque(maximum: reader.remaining) else { return nil }
        let start = call.argumentsOffset + Self.lengthLength
        guard let checksum = try? reader.opaque(maximum: reader.remaining), reader.remaining == 0, context.verify(body, checksum) else {
            return nil
        }
        return numbered(start..<start + body.byteCount, of: record)
    }

    /// rpc_gss_priv_data (§5.3.2.3).
    private func unwrapped(_ call: GSSCall, _ record: Record) -> Record? {
        var reader = XDRReader(record.bytes, at: call.argumentsOffset)
        guard let body = try? reader.opaque(maximum: reader.remaining), reader.remaining == 0 else { return nil }
        let start = call.argumentsOffset + Self.lengthLength
        // The record is this call's alone, and nothing else in it is needed any more.
        let base = record.buffer.base + record.range.lowerBound + start
        let message = UnsafeMutableRawBufferPointer(start: base, count: body.byteCount)
        guard let data = context.unwrap(message) else { return nil }
        return numbered(start + data.lowerBound..<start + data.upperBound, of: record)
    }

    /// rpc_gss_data_t, whose number must be that of the credential (§5.3.3.1).
    private func numbered(_ range: Range<Int>, of record: Record) -> Record? {
        var reader = XDRReader(record.bytes.extracting(range))
        guard (try? reader.uint32()) == sequence else { return nil }
        return part(range.dropFirst(Self.sequenceLength), of: record)
    }

    private func part(_ range: Range<Int>, of record: Record) -> Record {
        let start = record.range.lowerBound
        return Record(buffer: record.buffer, range: start + range.lowerBound..<start + range.upperBound)
    }

    // MARK: The reply

    /// Whether a reply of so many bytes is to be protected where nothing else is kept waiting.
    package func takesLong(_ count: Int) -> Bool { service != .none && context.takesLong(count) }

    /// Bytes `finish` puts behind the results at most.
    package var tail: Int {
        switch service {
        case .none: 0
        case .integrity: Self.lengthLength + (context.checksumLength + 3) & ~3
        case .privacy: context.wrapping.tail + 3
        }
    }

    /// Writes the header of the reply; behind that of a success the results are to stand (§5.3.3.2).
    package func begin(_ reply: RPCReply, xid: UInt32, to writer: inout XDRWriter) {
        reply.write(to: &writer, xid: xid, checksum: verifier.span.bytes)
        guard reply == .success, service != .none else { return }
        writer.uint32(0)
        if service == .privacy { _ = writer.room(context.wrapping.header) }
        writer.uint32(sequence)
    }

    /// Protects the results, which begin at byte `start` of the writer.
    /// - Returns: false when that cannot be done: there must be no reply then (§5.3.3.4).
    package func finish(_ writer: inout XDRWriter, resultsAt start: Int) -> Bool {
        let data = start - Self.sequenceLength
        writer.limit = writer.count + tail
        switch service {
        case .none: return true
        case .integrity: return sign(&writer, from: data)
        case .privacy: return wrap(&writer, from: data)
        }
    }

    private func sign(_ writer: inout XDRWriter, from data: Int) -> Bool {
        let end = writer.count
        writer.patch(UInt32(end - data), at: data - Self.lengthLength)
        let length = context.checksumLength
        writer.uint32(UInt32(length))
        guard writer.room((length + 3) & ~3) else { return false }
        return writer.withMutableBytes(from: data) { bytes in
            let count = end - data
            let checksum = UnsafeMutableRawBufferPointer(rebasing: bytes[count + Self.lengthLength..<count + Self.lengthLength + length])
            return context.sign(UnsafeRawBufferPointer(rebasing: bytes[..<count]), into: checksum)
        }
    }

    private func wrap(_ writer: inout XDRWriter, from data: Int) -> Bool {
        guard let wrapping = context.wrapping(of: writer.count - data) else { return false }
        let start = data - context.wrapping.header
        // Only with old ciphers the header is shorter than the longest.
        let unused = context.wrapping.header - wrapping.header
        if unused > 0 {
            writer.withMutableBytes(from: data) { bytes in
                if let first = bytes.baseAddress { (first - unused).copyMemory(from: first, byteCount: bytes.count) }
            }
            writer.truncate(to: writer.count - unused)
        }
        guard writer.room(wrapping.tail) else { return false }
        let length = writer.count - start
        writer.patch(UInt32(length), at: start - Self.lengthLength)
        guard writer.withMutableBytes(from: start, { context.wrap($0, wrapping) }) else { return false }
        return writer.room((length + 3) & ~3 - length)
    }
}
