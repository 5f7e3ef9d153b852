import Testing
import XDR

/// Decodes one value from `bytes`; nil stands for an error that is compared separately.
private func decode<Value>(
    _ bytes: [UInt8], _ body: (inout XDRReader) throws(XDRError) -> Value
) -> (value: Value?, error: XDRError?, offset: Int) {
    var reader = XDRReader(bytes.span.bytes)
    do throws(XDRError) {
        let value = try body(&reader)
        return (value, nil, reader.offset)
    } catch {
        return (nil, error, reader.offset)
    }
}

private func array(_ span: RawSpan) -> [UInt8] { span.withUnsafeBytes { Array($0) } }

@Suite struct XDRReaderTests {
    @Test func integersAreBigEndian() {
        #expect(decode([0, 1, 2, 3]) { reader throws(XDRError) in try reader.uint32() }.value == 0x0001_0203)
        #expect(
            decode([1, 2, 3, 4, 5, 6, 7, 8]) { reader throws(XDRError) in try reader.uint64() }.value == 0x0102_0304_0506_0708)
        #expect(
            decode([UInt8](repeating: 0xff, count: 8)) { reader throws(XDRError) in try reader.int64() }.value == -1)
    }

    @Test(arguments: [(UInt8(0), false as Bool?), (1, true), (2, nil)])
    func booleansAreZeroOrOne(byte: UInt8, expected: Bool?) {
        let result = decode([0, 0, 0, byte]) { reader throws(XDRError) in try reader.bool() }
        #expect(result.value == expected)
        #expect(result.error == (expected == nil ? .invalid : nil))
    }

    @Test(arguments: 0...9)
    func opaqueDataIsPaddedToFour(size: Int) {
        let padded = (size + 3) / 4 * 4
        let content = (0..<size).map { UInt8($0 + 1) }
        let bytes = [0, 0, 0, UInt8(size)] + content + [UInt8](repeating: 0, count: padded - size)
        let result = decode(bytes + [9]) { reader throws(XDRError) in array(try reader.opaque(maximum: 9)) }
        #expect(result.value == content)
        #expect(result.offset == 4 + padded)
    }

    @Test func missingPaddingIsTruncation() {
        let result = decode([0, 0, 0, 1, 7]) { reader throws(XDRError) in array(try reader.opaque(maximum: 4)) }
        #expect(result.error == .truncated)
    }

    @Test(arguments: [[UInt8](arrayLiteral: 0, 0, 0, 5), [0xff, 0xff, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff]])
    func lengthsAboveTheMaximumAreTooLong(bytes: [UInt8]) {
        #expect(decode(bytes) { reader throws(XDRError) in array(try reader.opaque(maximum: 4)) }.error == .tooLong)
        #expect(decode(bytes) { reader throws(XDRError) in try reader.count(maximum: 4) }.error == .tooLong)
    }

    @Test func hugeLengthsWithinTheMaximumAreTruncation() {
        let result = decode([0xff, 0xff, 0xff, 0xff]) { reader throws(XDRError) in array(try reader.opaque(maximum: .max)) }
        #expect(result.error == .truncated)
    }

    @Test func everyValueTruncatedAnywhereIsTruncation() {
        let bytes = [UInt8](repeating: 0, count: 8)
        for count in 0..<8 {
            let part = Array(bytes.prefix(count))
            #expect(decode(part) { reader throws(XDRError) in try reader.uint64() }.error == .truncated)
            #expect(decode(part) { reader throws(XDRError) in array(try reader.fixedOpaque(8)) }.error == .truncated)
            guard count < 4 else { continue }
            #expect(decode(part) { reader throws(XDRError) in try reader.uint32() }.error == .truncated)
            #expect(decode(part) { reader throws(XDRError) in try reader.bool() }.error == .truncated)
            #expect(decode(part) { reader throws(XDRError) in try reader.count(maximum: 1) }.error == .truncated)
        }
    }

    @Test func aFailedReadConsumesNothingOfTheValue() {
        let result = decode([1, 2, 3]) { reader throws(XDRError) in try reader.uint32() }
        #expect(result.offset == 0)
    }

    /// Whatever the bytes, a reader ends with a value or an error, within its record.
    @Test func randomBytesNeverTrap() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            var bytes = random.bytes(Int.random(in: 0...64, using: &random))
            // Mostly small lengths, so that more than the first value is reached.
            for index in bytes.indices where index % 4 != 3 && Int.random(in: 0..<10, using: &random) > 0 { bytes[index] = 0 }
            var reader = XDRReader(bytes.span.bytes)
            do throws(XDRError) {
                while reader.remaining > 0 {
                    let before = reader.offset
                    switch Int.random(in: 0..<6, using: &random) {
                    case 0: _ = try reader.uint32()
                    case 1: _ = try reader.uint64()
                    case 2: _ = try reader.bool()
                    case 3: _ = try reader.fixedOpaque(Int.random(in: 1...20, using: &random)).byteCount
                    case 4: #expect(try reader.opaque(maximum: 32).byteCount <= 32)
                    default: #expect(try reader.count(maximum: 100) <= 100)
                    }
                    #expect(reader.offset > before && reader.offset <= bytes.count)
                }
            } catch {
                #expect(reader.offset <= bytes.count)
            }
        }
    }
}
