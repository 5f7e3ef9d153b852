import Testing
import XDR

private func written(limit: Int = 1 << 20, _ body: (inout XDRWriter) -> Void) -> [UInt8] {
    var writer = XDRWriter(pool: BufferPool(), limit: limit)
    body(&writer)
    let (buffer, count) = writer.detach()
    return buffer.bytes(0..<count).withUnsafeBytes { Array($0) }
}

@Suite struct XDRWriterTests {
    @Test func valuesHaveTheirEncodedForm() {
        #expect(written { $0.uint32(0x0102_0304) } == [1, 2, 3, 4])
        #expect(written { $0.uint64(0x0102_0304_0506_0708) } == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(written { $0.int64(-2) } == [UInt8](repeating: 0xff, count: 7) + [0xfe])
        #expect(written { $0.bool(true) } == [0, 0, 0, 1])
        #expect(written { $0.bool(false) } == [0, 0, 0, 0])
        #expect(written { $0.string("abcde") } == [0, 0, 0, 5, 97, 98, 99, 100, 101, 0, 0, 0])
        #expect(written { $0.opaque([] as [UInt8]) } == [0, 0, 0, 0])
    }

    /// Recycled memory is full of old bytes; none may leave as padding.
    @Test(arguments: 0...8)
    func paddingIsZeroInRecycledMemory(size: Int) {
        let pool = BufferPool()
        let dirty = pool.take(atLeast: 64)
        dirty.base.initializeMemory(as: UInt8.self, repeating: 0xee, count: dirty.capacity)
        pool.give(back: dirty)
        let content = [UInt8](repeating: 7, count: size)
        let padding = [UInt8](repeating: 0, count: (4 - size % 4) % 4)

        var writer = XDRWriter(pool: pool, limit: 4096)
        writer.opaque(content)
        let filled = writer.opaque(maximum: 100) { room in
            for index in 0..<size { room[index] = 7 }
            return size
        }
        #expect(filled == size)
        let one = [0, 0, 0, UInt8(size)] + content + padding
        #expect(writer.bytes(from: 0).withUnsafeBytes { Array($0) } == one + one)
    }

    @Test func aValuePastTheLimitIsDroppedAndSaidSo() {
        var writer = XDRWriter(pool: BufferPool(), limit: 10)
        writer.uint64(1)
        #expect(writer.overflowed == false)
        writer.uint32(2)
        #expect(writer.overflowed == true)
        #expect(writer.count == 8)
        writer.truncate(to: 4)
        #expect(writer.overflowed == false)
        writer.uint32(3)
        #expect(writer.count == 8)
    }

    @Test func afterAnOverflowNothingSmallerSlipsThrough() {
        var writer = XDRWriter(pool: BufferPool(), limit: 10)
        writer.fixedOpaque([UInt8](repeating: 1, count: 12).span.bytes)
        writer.uint32(2)
        #expect(writer.overflowed == true)
        #expect(writer.count == 0)
    }

    @Test func inPlaceDataIsNotCalledForPastTheLimit() {
        var writer = XDRWriter(pool: BufferPool(), limit: 64)
        var isCalled = false
        let size = writer.opaque(maximum: 61) { _ in
            isCalled = true
            return 1
        }
        #expect(size == nil && !isCalled && writer.overflowed == true && writer.count == 0)
    }

    @Test func inPlaceDataThatFailsLeavesNothing() {
        struct Failure: Error, Equatable {}
        var writer = XDRWriter(pool: BufferPool(), limit: 64)
        writer.uint32(1)
        do throws(Failure) {
            _ = try writer.opaque(maximum: 8) { _ throws(Failure) in throw Failure() }
            Issue.record("the error was swallowed")
        } catch {}
        #expect(writer.count == 4 && writer.overflowed == false)
    }

    @Test func growingKeepsWhatWasWritten() {
        let words = 300_000
        let bytes = written(limit: 1 << 21) { writer in
            for word in 0..<words { writer.uint32(UInt32(word)) }
        }
        #expect(bytes.count == words * 4)
        var reader = XDRReader(bytes.span.bytes)
        var same = true
        for word in 0..<words { same = same && (try? reader.uint32()) == UInt32(word) }
        #expect(same)
    }

    @Test func roomIsZeroUntilItIsChangedInPlace() {
        let bytes = written(limit: 14) { writer in
            writer.uint32(7)
            let (hasRoom, hasMore) = (writer.room(6), writer.room(5))
            #expect(hasRoom && !hasMore)
            writer.withMutableBytes(from: 3) { bytes in
                #expect(bytes.count == 7 && bytes[0] == 7)
                bytes[6] = 9
            }
        }
        #expect(bytes == [0, 0, 0, 7, 0, 0, 0, 0, 0, 9])
    }

    @Test func patchChangesOneWord() {
        var writer = XDRWriter(pool: BufferPool(), startingAt: 4, limit: 64)
        writer.uint32(1)
        writer.uint32(2)
        writer.patch(9, at: 4)
        #expect(writer.bytes(from: 4).withUnsafeBytes { Array($0) } == [0, 0, 0, 9, 0, 0, 0, 2])
    }

    @Test func aDetachedWriterWritesNothingAndHoldsNothing() {
        let pool = BufferPool()
        var writer = XDRWriter(pool: pool, limit: 64)
        writer.uint32(1)
        do {
            let (buffer, count) = writer.detach()
            writer.uint32(2)
            #expect(count == 4)
            #expect(buffer.bytes(0..<4).unsafeLoad(as: UInt32.self).bigEndian == 1)
        }
        #expect(pool.lentBytes == 0)
        #expect(writer.count == 0 && writer.overflowed == true)
    }

    /// What a writer writes a reader reads, whatever the values and wherever the limit.
    @Test func randomValuesComeBack() {
        var random = SeededGenerator(seed: 2)
        let pool = BufferPool()
        for _ in 0..<2_000 {
            let limit = Int.random(in: 0...300, using: &random)
            var writer = XDRWriter(pool: pool, capacity: 16, limit: limit)
            var values: [[UInt8]] = []
            while !writer.overflowed {
                let value = random.bytes(Int.random(in: 0...40, using: &random))
                let before = writer.count
                writer.opaque(value)
                if writer.overflowed { writer.truncate(to: before) } else { values.append(value) }
                if writer.count == before { break }
            }
            let (buffer, count) = writer.detach()
            #expect(count <= limit)
            var reader = XDRReader(buffer.bytes(0..<count))
            for value in values {
                #expect((try? reader.opaque(maximum: 40).withUnsafeBytes { Array($0) }) == value)
            }
            #expect(reader.remaining == 0)
            pool.give(back: buffer)
        }
    }
}
