import NFSProtocol
import XDR

/// The owner and owner_group attributes: user and group numbers in decimal (RFC 8881 §5.9), as Linux clients of AUTH_SYS
/// expect them.
enum Owner {
    /// The longest owner string read, in bytes.
    static let maximumLength = 1024

    static func encode(_ id: UInt32, to reply: inout XDRWriter) {
        _ = reply.opaque(maximum: 10) { buffer in
            var digits = 1
            var rest = id
            while rest >= 10 {
                rest /= 10
                digits += 1
            }
            rest = id
            for index in stride(from: digits - 1, through: 0, by: -1) {
                buffer[index] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            return digits
        }
    }

    /// - Throws: `badowner` for what is no decimal number of 32 bits.
    static func id(from text: RawSpan) throws(NFSStatus) -> UInt32 {
        guard text.byteCount > 0 else { throw .badowner }
        var id: UInt32 = 0
        for index in 0..<text.byteCount {
            let byte = text.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { throw .badowner }
            let (tens, tooLarge) = id.multipliedReportingOverflow(by: 10)
            let (sum, tooLargeSum) = tens.addingReportingOverflow(UInt32(byte - UInt8(ascii: "0")))
            guard !tooLarge, !tooLargeSum else { throw .badowner }
            id = sum
        }
        return id
    }
}
