import RPC
import XDR

/// How the arguments or the results of a call stand in its context (RFC 2203 §5.3.2).
struct GSSProtection: Sendable {
    let context: GSSContext
    /// seq_num of the call.
    let sequence: UInt32
    let service: GSSService

    /// Bytes of the number in front of what is protected, and of the length of an opaque.
    private static let sequenceLength = 4
    private static let lengthLength = 4

    // MARK: What comes

    /// Takes the protection off what stands in a record from byte `start` on, in place.
    /// - Returns: what was protected, as a record of its own; nil when it is not as the client sent it.
    func open(_ record: Record, at start: Int) -> Record? {
        switch service {
        case .none: record.part(start..<record.range.count)
        case .integrity: verified(record, start)
        case .privacy: unwrapped(record, start)
        }
    }

    /// rpc_gss_integ_data (§5.3.2.2).
    private func verified(_ record: Record, _ start: Int) -> Record? {
        var reader = XDRReader(record.bytes, at: start)
        guard let body = try? reader.opaque(maximum: reader.remaining) else { return nil }
        let start = start + Self.lengthLength
        guard let checksum = try? reader.opaque(maximum: reader.remaining), reader.remaining == 0, context.verify(body, checksum) else {
            return nil
        }
        return numbered(start..<start + body.byteCount, of: record)
    }

    /// rpc_gss_priv_data (§5.3.2.3).
    private func unwrapped(_ record: Record, _ start: Int) -> Record? {
        var reader = XDRReader(record.bytes, at: start)
        guard let body = try? reader.opaque(maximum: reader.remaining), reader.remaining == 0 else { return nil }
        let start = start + Self.lengthLength
        // The record is this message's alone, and nothing else in it is needed any more.
        let base = record.buffer.base + record.range.lowerBound + start
        let message = UnsafeMutableRawBufferPointer(start: base, count: body.byteCount)
        guard let data = context.unwrap(message) else { return nil }
        return numbered(start + data.lowerBound..<start + data.upperBound, of: record)
    }

    /// rpc_gss_data_t, whose number must be that of the credential (§5.3.3.1).
    private func numbered(_ range: Range<Int>, of record: Record) -> Record? {
        var reader = XDRReader(record.bytes.extracting(range))
        guard (try? reader.uint32()) == sequence else { return nil }
        return record.part(range.dropFirst(Self.sequenceLength))
    }

    // MARK: What goes

    /// Bytes `begin` puts in front at most.
    var head: Int {
        switch service {
        case .none: 0
        case .integrity: Self.lengthLength + Self.sequenceLength
        case .privacy: Self.lengthLength + context.wrapping.header + Self.sequenceLength
        }
    }

    /// Bytes `finish` puts behind at most.
    var tail: Int {
        switch service {
        case .none: 0
        case .integrity: Self.lengthLength + (context.checksumLength + 3) & ~3
        case .privacy: context.wrapping.tail + 3
        }
    }

    /// Leaves room in front of what is to be protected.
    func begin(_ writer: inout XDRWriter) {
        guard service != .none else { return }
        writer.uint32(0)
        if service == .privacy { _ = writer.room(context.wrapping.header) }
        writer.uint32(sequence)
    }

    /// Protects what was written from byte `start` on.
    /// - Returns: false when that cannot be done.
    func finish(_ writer: inout XDRWriter, from start: Int) -> Bool {
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

extension Record {
    /// A part of it, by bytes counted from its beginning.
    func part(_ range: Range<Int>) -> Record {
        let start = self.range.lowerBound
        return Record(buffer: buffer, range: start + range.lowerBound..<start + range.upperBound)
    }
}
