import Glibc
import NFSProtocol
import Testing

@Suite("Names (RFC 8881 §3.2, §14.5)")
struct FileNameTests {
    private func name(_ bytes: [UInt8]) throws(NFSStatus) -> FileName { try FileName(validating: bytes.span.bytes) }

    @Test("keep their bytes at every length, valid UTF-8 or not", arguments: [1, 2] as [UInt64])
    func roundTrip(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for length in 1...FileName.maximumLength {
            let bytes = generator.bytes(length).map { $0 == 0 || $0 == UInt8(ascii: "/") ? 0xff : $0 }
            // The seeds give no name of dots.
            let name = try name(bytes)
            #expect(name.count == length)
            #expect(name.withBytes { $0.withUnsafeBytes { [UInt8]($0) } } == bytes)
            #expect(name.withCString { strlen($0) } == length)
        }
    }

    @Test(
        "that cannot be names are refused, each with its status",
        arguments: [
            ("", .inval), (".", .badname), ("..", .badname), ("/", .badchar), ("a/b", .badchar), ("a\0b", .badchar), ("a\0", .badchar),
            (String(repeating: "n", count: 256), .nametoolong), (String(repeating: "/", count: 256), .nametoolong),
        ] as [(String, NFSStatus)])
    func refused(_ text: String, _ status: NFSStatus) {
        #expect(throws: status) { try FileName(validating: text) }
    }

    @Test("of dots that mean nothing are names", arguments: ["...", ".a", "..a", "a.", "a.."])
    func dots(_ text: String) throws { #expect(try FileName(validating: text).count == text.utf8.count) }

    @Test("are equal when all bytes are, and never to a longer one")
    func equality() throws {
        #expect(try name([1, 2]) == name([1, 2]))
        #expect(try name([1, 2]) != name([1, 3]))
        #expect(try name([1, 2]) != name([1, 2, 1]))
        #expect(try name([1, 2]).hashValue == name([1, 2]).hashValue)
    }
}
