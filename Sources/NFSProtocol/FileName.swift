/// component4: one name in a directory, checked and ready for the system (RFC 8881 §3.2, §14.5).
///
/// Bytes are kept as they came: like Linux, the server gives names no meaning beyond `/`, NUL, `.` and `..`.
package struct FileName: Hashable, Sendable {
    /// The longest name in bytes, as on every Linux file system.
    package static let maximumLength = 255

    private var bytes: InlineArray<256, UInt8>
    /// Length in bytes, 1 to 255.
    package private(set) var count: Int

    /// - Throws: `inval` for an empty name, `nametoolong`, `badname` for `.` and `..`, `badchar` for one with `/` or NUL inside.
    package init(validating name: RawSpan) throws(NFSStatus) {
        guard name.byteCount > 0 else { throw .inval }
        guard name.byteCount <= Self.maximumLength else { throw .nametoolong }
        bytes = InlineArray(repeating: 0)
        count = name.byteCount
        for index in 0..<name.byteCount {
            let byte = name.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            guard byte != 0, byte != UInt8(ascii: "/") else { throw .badchar }
            bytes[index] = byte
        }
        let dot = UInt8(ascii: ".")
        if bytes[0] == dot, count == 1 || (count == 2 && bytes[1] == dot) { throw .badname }
    }

    /// - Throws: as `init(validating:)` with a span.
    package init(validating name: String) throws(NFSStatus) {
        try self.init(validating: Array(name.utf8).span.bytes)
    }

    /// Calls `body` with the name as a C string.
    package func withCString<Result, Failure: Error>(_ body: (UnsafePointer<CChar>) throws(Failure) -> Result) throws(Failure) -> Result {
        try bytes.span.withUnsafeBufferPointer { buffer throws(Failure) in
            let address = UnsafeRawPointer(buffer.baseAddress!).assumingMemoryBound(to: CChar.self)
            return try body(address)
        }
    }

    /// Calls `body` with the bytes of the name.
    package func withBytes<Result, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(bytes.span.bytes.extracting(first: count))
    }

    package static func == (left: FileName, right: FileName) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.count where left.bytes[index] != right.bytes[index] { return false }
        return true
    }

    package func hash(into hasher: inout Hasher) {
        withBytes { span in span.withUnsafeBytes { hasher.combine(bytes: $0) } }
    }
}
