import NFSProtocol
import Testing
import XDR

@Suite("Values on the wire")
struct WireValueTests {
    private static let attributes: [Attribute] = Array(Attribute.allCases)

    /// The bytes `body` writes.
    private func encoded(_ body: (inout XDRWriter) -> Void) -> [UInt8] {
        let pool = BufferPool()
        var writer = XDRWriter(pool: pool, limit: 4096)
        body(&writer)
        let bytes = writer.bytes(from: 0).withUnsafeBytes { [UInt8]($0) }
        pool.give(back: writer.detach().buffer)
        return bytes
    }

    private func stateID(_ bytes: [UInt8]) throws(XDRError) -> StateID {
        var reader = XDRReader(bytes.span.bytes)
        return try StateID(from: &reader)
    }

    private func attributeSet(_ bytes: [UInt8]) throws(XDRError) -> AttributeSet {
        var reader = XDRReader(bytes.span.bytes)
        let set = try AttributeSet(from: &reader)
        guard reader.remaining == 0 else { throw .invalid }
        return set
    }

    @Test("a stateid is 16 bytes and comes back as it was", arguments: [1, 2] as [UInt64])
    func stateIDs(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let bytes = generator.bytes(16)
            let stateID = try stateID(bytes)
            #expect(encoded { stateID.encode(to: &$0) } == bytes)
        }
    }

    @Test("a stateid cut short is truncated", arguments: 0..<16)
    func shortStateID(_ length: Int) {
        #expect(throws: XDRError.truncated) { try stateID([UInt8](repeating: 0, count: length)) }
    }

    @Test("the special stateids are those of RFC 8881 §8.2.3")
    func specialStateIDs() throws {
        let (zeros, ones) = ([UInt8](repeating: 0, count: 12), [UInt8](repeating: 0xff, count: 12))
        #expect(try stateID([0, 0, 0, 0] + zeros) == .anonymous)
        #expect(try stateID([0xff, 0xff, 0xff, 0xff] + ones) == .readBypass)
        #expect(try stateID([0, 0, 0, 1] + zeros) == .current)
        #expect(try stateID([0xff, 0xff, 0xff, 0xff] + zeros) == .invalid)
        for special in [StateID.anonymous, .readBypass, .current, .invalid] { #expect(special.isSpecial) }
        for index in 4..<16 {
            var bytes = [UInt8](repeating: 0, count: 16)
            bytes[index] = 1
            #expect(try !stateID(bytes).isSpecial)
        }
    }

    @Test("a set of attributes comes back as it was, in as few words as hold it", arguments: [1, 2] as [UInt64])
    func attributeSets(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let chosen = Self.attributes.shuffled(using: &generator).prefix(.random(in: 0...Self.attributes.count, using: &generator))
            var set = AttributeSet()
            for attribute in chosen { set.insert(attribute) }
            for attribute in Self.attributes { #expect(set.contains(attribute) == chosen.contains(attribute)) }
            let bytes = encoded { set.encode(to: &$0) }
            let words = chosen.map { $0.rawValue / 32 + 1 }.max() ?? 0
            #expect(bytes.count == 4 + words * 4)
            #expect(try attributeSet(bytes) == set)
            var numbers: [Int] = []
            while let number = set.popFirst() { numbers.append(number) }
            let expected = chosen.map(\.rawValue).sorted()
            #expect(numbers == expected)
        }
    }

    @Test("words that are zero change nothing, however many; numbers no attribute has are kept as one")
    func longBitmap() throws {
        func bitmap(_ words: [UInt32]) -> [UInt8] {
            encoded { writer in
                writer.uint32(UInt32(words.count))
                for word in words { writer.uint32(word) }
            }
        }
        #expect(try attributeSet(bitmap([2, 0, 0, 0])) == AttributeSet(.type))
        #expect(try attributeSet(bitmap([2] + Array(repeating: 0, count: 1000))) == AttributeSet(.type))
        var unknown = try attributeSet(bitmap([2, 0, 0, 0] + Array(repeating: .max, count: 1000)))
        #expect(unknown.contains(.type))
        #expect((unknown.popFirst(), unknown.popFirst(), unknown.popFirst()) == (1, 127, nil))
        #expect(throws: XDRError.tooLong) { try attributeSet([0xff, 0xff, 0xff, 0xff]) }
        #expect(throws: XDRError.truncated) { try attributeSet([0, 0, 0, 2, 0, 0, 0, 1]) }
    }
}
