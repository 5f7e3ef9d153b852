import XDR

extension AttributeSet {
    /// The most words of a bitmap a client may send: what is behind the fourth word is read and has no meaning.
    private static var maximumWords: Int { 64 }

    package init(from request: inout XDRReader) throws(XDRError) {
        self.init()
        for index in 0..<(try request.count(maximum: Self.maximumWords)) {
            let word = UInt64(try request.uint32())
            switch index {
            case 0: low |= word
            case 1: low |= word << 32
            case 2: high |= word
            case 3: high |= word << 32
            default: break
            }
        }
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
