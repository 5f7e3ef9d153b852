import FileSystem
import NFSProtocol
import Synchronization
import Testing

@Suite("A stream through a file while memory is short")
struct DropBehindTests {
    private static let block = 8 << 20
    private static let blocks = 7
    private static let request = 1 << 20

    /// Writes a file, each block brought to stable storage at its end, and reads it, in both cases from front to back.
    /// - Returns: the blocks of which most is in memory then. The kernel may keep pages that it is busy with.
    private func kept(shortWhileWriting: Bool = false, shortWhileReading: Bool = false) throws -> [Int] {
        let isShort = Atomic(false)
        var kept: [Int] = []
        try withLocalFileSystem(isMemoryShort: { isShort.load(ordering: .relaxed) }) { fileSystem, _ throws in
            let file = try fileSystem.root.make("file")
            let written = try file.open(.both, .root)
            let bytes = [UInt8](repeating: 7, count: Self.request)
            isShort.store(shortWhileWriting, ordering: .relaxed)
            for offset in stride(from: 0, to: Self.blocks * Self.block, by: Self.request) {
                _ = try written.write(bytes.span.bytes, at: UInt64(offset), mayBlock: true)
                if (offset + Self.request) % Self.block == 0 { try written.commit(mayBlock: true) }
            }
            isShort.store(shortWhileReading, ordering: .relaxed)
            if shortWhileReading {
                let read = try file.open(.read, .root)
                for offset in stride(from: 0, to: Self.blocks * Self.block, by: Self.request) {
                    #expect(try read.read(Self.request, at: UInt64(offset)).0 == bytes)
                }
            }
            isShort.store(false, ordering: .relaxed)
            let looked = try file.open(.read, .root)
            kept = (0..<Self.blocks).filter { block in
                let places = stride(from: block * Self.block, to: (block + 1) * Self.block, by: 64 << 10)
                // What is not in memory cannot be read without waiting.
                let present = places.count { (try? looked.read(1, at: UInt64($0), mayBlock: false)) != nil }
                return present > Self.block / (64 << 10) / 2
            }
        }
        return kept
    }

    @Test("leaves nothing in memory but the last blocks that were read")
    func reading() throws { #expect(try kept(shortWhileReading: true) == [5, 6]) }

    @Test("leaves nothing in memory but the last block that was written, once the rest is on the device")
    func writing() throws { #expect(try kept(shortWhileWriting: true) == [6]) }

    @Test("is kept in memory when there is enough")
    func enough() throws { #expect(try kept() == Array(0..<Self.blocks)) }

    @Test("is let go on a thread that may wait alone")
    func waiting() throws {
        try withLocalFileSystem(isMemoryShort: { true }) { fileSystem, _ throws in
            let open = try fileSystem.root.make("file").open(.both, .root)
            try open.write([1])
            #expect(try open.read(1, mayBlock: false).0 == [1])
            _ = try open.write(([2] as [UInt8]).span.bytes, at: UInt64(Self.block), mayBlock: true)
            let other = try fileSystem.root.find("file").open(.read, .root)
            #expect(try other.read(1).0 == [1])
            #expect(throws: NFSStatus.wouldBlock) { try other.read(1, at: UInt64(Self.block), mayBlock: false) }
            #expect(try other.read(1, at: UInt64(Self.block)).0 == [2])
        }
    }
}
