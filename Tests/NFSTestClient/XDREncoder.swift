/// Writes External Data Representation (RFC 4506) for the test client.
///
/// Deliberately not the server's codec: a mistake made in both directions by one codec cancels itself out.
package struct XDREncoder: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func uint32(_ value: UInt32) {
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
    }

    package mutating func uint64(_ value: UInt64) {
        uint32(UInt32(truncatingIfNeeded: value >> 32))
        uint32(UInt32(truncatingIfNeeded: value))
    }

    package mutating func bool(_ value: Bool) { uint32(value ? 1 : 0) }

    /// Fixed-length opaque data, padded with zeros to a multiple of four bytes.
    package mutating func fixed(_ data: [UInt8]) {
        bytes += data
        while !bytes.count.isMultiple(of: 4) { bytes.append(0) }
    }

    package mutating func opaque(_ data: [UInt8]) {
        uint32(UInt32(data.count))
        fixed(data)
    }

    package mutating func string(_ text: String) { opaque(Array(text.utf8)) }

    package mutating func array<Element>(_ elements: [Element], _ encode: (inout XDREncoder, Element) -> Void) {
        uint32(UInt32(elements.count))
        for element in elements { encode(&self, element) }
    }

    /// Bytes that are already encoded.
    package mutating func raw(_ data: [UInt8]) { bytes += data }
}
