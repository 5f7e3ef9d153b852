import NFSProtocol
import Testing

@Suite("Filehandles (RFC 8881 §4.2)")
struct FileHandleTests {
    @Test("keep their bytes at every length up to the longest", arguments: [1, 2] as [UInt64])
    func roundTrip(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for length in 0...FileHandle.maximumLength {
            let bytes = generator.bytes(length)
            let made = FileHandle(bytes.span.bytes)
            let handle = try #require(made)
            #expect(handle.count == length)
            #expect(handle.withBytes { $0.withUnsafeBytes { [UInt8]($0) } } == bytes)
            #expect((0..<length).map { handle[$0] } == bytes)
        }
    }

    @Test("longer than the longest are refused", arguments: [65, 66, 128, 1000])
    func tooLong(_ length: Int) {
        let bytes = [UInt8](repeating: 1, count: length)
        #expect(FileHandle(bytes.span.bytes) == nil)
    }

    @Test("are equal when all bytes and the length are, a zero at the end included")
    func equality() throws {
        var generator = SeededGenerator(seed: 3)
        let bytes = generator.bytes(40)
        let made = FileHandle(bytes.span.bytes)
        let handle = try #require(made)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(FileHandle(changed.span.bytes) != handle)
        }
        let (same, longer) = (Array(bytes), bytes + [0])
        #expect(FileHandle(same.span.bytes) == handle)
        #expect(FileHandle(same.span.bytes)?.hashValue == handle.hashValue)
        #expect(FileHandle(longer.span.bytes) != handle)
    }
}
