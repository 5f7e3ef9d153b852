/// Reads External Data Representation (RFC 4506) and is strict: padding must be zero, booleans must be 0 or 1.
package struct XDRDecoder: Sendable {
    package let bytes: [UInt8]
    package private(set) var offset: Int

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        offset = 0
    }

    package var remaining: Int { bytes.count - offset }

    package mutating func uint32() throws -> UInt32 {
        try take(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    package mutating func uint64() throws -> UInt64 {
        try take(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    package mutating func bool() throws -> Bool {
        switch try uint32() {
        case 0: false
        case 1: true
        case let other: throw ProtocolViolation("boolean with the value \(other) at byte \(offset - 4)")
        }
    }

    package mutating func fixed(_ count: Int) throws -> [UInt8] {
        let data = try take(count)
        guard try take((4 - count % 4) % 4).allSatisfy({ $0 == 0 }) else {
            throw ProtocolViolation("padding is not zero before byte \(offset)")
        }
        return Array(data)
    }

    package mutating func opaque() throws -> [UInt8] { try fixed(Int(uint32())) }

    package mutating func string() throws -> String {
        let data = try opaque()
        guard let text = String(validating: data, as: UTF8.self) else { throw ProtocolViolation("string is not UTF-8: \(data)") }
        return text
    }

    package mutating func array<Element>(_ decode: (inout XDRDecoder) throws -> Element) throws -> [Element] {
        let count = try uint32()
        guard count <= remaining / 4 else { throw ProtocolViolation("array of \(count) elements in \(remaining) bytes") }
        return try (0..<count).map { _ in try decode(&self) }
    }

    package mutating func end() throws {
        guard remaining == 0 else { throw ProtocolViolation("\(remaining) bytes follow the end of the reply") }
    }

    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count <= remaining else { throw ProtocolViolation("reply ends at byte \(bytes.count), \(count) more wanted at \(offset)") }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }
}

/// The server sent something no reading of the RFC allows.
package struct ProtocolViolation: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
