import RPC
import Testing
import Transport
import XDR

@Suite struct RecordAssemblerTests {
    /// Feeds `stream` in pieces of at most `piece` bytes and returns the records found.
    private func records(
        in stream: [UInt8], piece: Int, maximumRecord: Int = 1 << 20, pool: BufferPool = BufferPool(), keeping: Bool = false
    ) throws(RecordError) -> [[UInt8]] {
        var assembler = RecordAssembler(pool: pool, maximumRecord: maximumRecord)
        var found: [[UInt8]] = []
        var kept: [(Record, [UInt8])] = []
        var position = 0
        while true {
            while let record = try assembler.next() {
                let bytes = record.bytes.withUnsafeBytes { Array($0) }
                found.append(bytes)
                if keeping { kept.append((record, bytes)) }
            }
            guard position < stream.count, let room = assembler.room(mayTakeBuffer: true) else { break }
            let count = min(piece, stream.count - position, room.count)
            room.copyBytes(from: stream[position..<(position + count)])
            assembler.received(count)
            position += count
        }
        for (record, bytes) in kept { #expect(record.bytes.withUnsafeBytes { $0.elementsEqual(bytes) }) }
        assembler.releaseIfEmpty()
        return found
    }

    @Test(arguments: [1, 2, 3, 5, 7, 64, 1000, 1 << 20])
    func recordsAreFoundHoweverTheyArrive(piece: Int) throws {
        let records: [[UInt8]] = [[1], [], [2, 3], Array(repeating: 4, count: 300), [5, 6, 7, 8]]
        #expect(try self.records(in: records.flatMap { framed($0) }, piece: piece) == records)
    }

    @Test(arguments: [1, 3, 4, 9, 100, 1 << 20])
    func fragmentsAreJoined(piece: Int) throws {
        let record = (0..<200).map { UInt8($0) }
        let stream = framed(record, fragments: [1, 0, 3, 50, 0, 0, 100]) + framed([9], fragments: [0]) + framed(record)
        #expect(try records(in: stream, piece: piece) == [record, [9], record])
    }

    /// Everything at random, with all records kept while the stream goes on.
    @Test(arguments: [true, false])
    func randomStreamsComeBack(keeping: Bool) throws {
        var random = SeededGenerator(seed: 6)
        for _ in 0..<60 {
            var records: [[UInt8]] = []
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                let size = [10, 300, 9_000, 140_000].randomElement(using: &random)!
                let record = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: Int.random(in: 0...size, using: &random))
                var fragments: [Int] = []
                for _ in 0..<Int.random(in: 0...3, using: &random) { fragments.append(Int.random(in: 0...(size / 3), using: &random)) }
                records.append(record)
                stream += framed(record, fragments: fragments)
            }
            let pool = BufferPool()
            let piece = [700, 8192, 65_536, 1 << 20].randomElement(using: &random)!
            let found = try self.records(in: stream, piece: piece, pool: pool, keeping: keeping)
            #expect(found == records)
            #expect(pool.lentBytes == 0)
        }
    }

    @Test func theLongestRecordPassesAndALongerOneDoesNot() throws {
        let longest = [UInt8](repeating: 1, count: 1000)
        #expect(try records(in: framed(longest), piece: 100, maximumRecord: 1000) == [longest])
        #expect(try records(in: framed(longest, fragments: [400, 400]), piece: 100, maximumRecord: 1000) == [longest])
        #expect(throws: RecordError.tooLong(bytes: 1001)) {
            try records(in: framed(longest + [1]), piece: 100, maximumRecord: 1000)
        }
        #expect(throws: RecordError.tooLong(bytes: 1001)) {
            try records(in: framed(longest + [1], fragments: [999]), piece: 100, maximumRecord: 1000)
        }
        #expect(throws: RecordError.tooLong(bytes: 0x7fff_ffff)) { try records(in: [0xff, 0xff, 0xff, 0xff], piece: 4) }
    }

    @Test func emptyFragmentsDoNotGoOnForever() throws {
        let empty = [UInt8](repeating: 0, count: 4)
        let most = [[UInt8]](repeating: empty, count: RecordAssembler.maximumFragments - 1).flatMap { $0 }
        #expect(try records(in: most + framed([1]), piece: 4096) == [[1]])
        #expect(throws: RecordError.tooManyFragments) { try records(in: most + empty + framed([1]), piece: 4096) }
    }

    /// A mark that promises much gets a small buffer until as much has come as fits into it.
    @Test func anAnnouncementCostsNoMemory() throws {
        let pool = BufferPool()
        var assembler = RecordAssembler(pool: pool, maximumRecord: 1 << 20)
        for byte in framed([UInt8](repeating: 1, count: 1 << 20)).prefix(4000) {
            let record = try assembler.next()
            #expect(record == nil)
            guard let room = assembler.room(mayTakeBuffer: true) else { return #expect(Bool(false), "no room") }
            room[0] = byte
            assembler.received(1)
        }
        #expect(pool.lentBytes == 8192)
    }

    /// A mebibyte is received where it stays: from the second receive on, into the buffer it is handed out in.
    @Test func aLargeRecordIsReceivedIntoItsBuffer() throws {
        let stream = framed([UInt8](repeating: 3, count: 1 << 20))
        var assembler = RecordAssembler(pool: BufferPool(), maximumRecord: 1 << 20)
        var position = 0
        var addresses: Set<UnsafeMutableRawPointer> = []
        var record: Record?
        while record == nil, position < stream.count {
            guard let room = assembler.room(mayTakeBuffer: true) else { return #expect(Bool(false), "no room") }
            if position > 0 { addresses.insert(try #require(room.baseAddress) - position) }
            let count = min(room.count, stream.count - position, 100_000)
            room.copyBytes(from: stream[position..<(position + count)])
            assembler.received(count)
            position += count
            record = try assembler.next()
        }
        #expect(addresses.count == 1)
        #expect(record?.range.count == 1 << 20)
        #expect(addresses.first == record?.buffer.base)
    }

    @Test func withoutMemoryThereIsNoRoomForAnotherRecord() throws {
        var assembler = RecordAssembler(pool: BufferPool(), maximumRecord: 1 << 20)
        let refused = assembler.room(mayTakeBuffer: false)
        #expect(refused == nil)
        guard let room = assembler.room(mayTakeBuffer: true) else { return #expect(Bool(false), "no room") }
        room.copyBytes(from: framed([1, 2, 3]).prefix(5))
        assembler.received(5)
        let record = try assembler.next()
        #expect(record == nil)
        let granted = assembler.room(mayTakeBuffer: false)
        #expect(granted != nil)
    }
}
