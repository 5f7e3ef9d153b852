import XDR

extension AttributeSet {
    package init(from request: inout XDRReader) throws(XDRError) {
        self.init()
        let count = try request.count(maximum: request.remaining / 4)
        for index in 0..<min(count, 4) {
            let word = UInt64(try request.uint32())
            if index < 2 { low |= word << UInt64(index * 32) } else { high |= word << UInt64(index * 32 - 64) }
        }
        guard count > 4 else { return }
        let rest = try request.fixedOpaque((count - 4) * 4)
        let isZero = rest.withUnsafeBytes { bytes in bytes.allSatisfy { $0 == 0 } }
        if !isZero { high |= 1 << 63 }
    }

    /// Writes as few words as hold the set.
    package func encode(to reply: inout XDRWriter) {
        let words =
            [
                UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32), UInt32(truncatingIfNeeded: high),
                UInt32(truncatingIfNeeded: high >> 32),
            ] as InlineArray<4, UInt32>
        var count = 4
        while count > 0, words[count - 1] == 0 { count -= 1 }
        reply.uint32(UInt32(count))
        for index in 0..<count { reply.uint32(words[index]) }
    }
}
