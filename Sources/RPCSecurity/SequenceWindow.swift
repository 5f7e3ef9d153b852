/// The numbers of the requests in a context that came lately, so that none is carried out twice (RFC 2203 §5.3.3.1).
package struct SequenceWindow: Sendable {
    /// seq_window: more requests than a client has under way, whatever the order in which its connections bring them.
    package static let size: UInt32 = 1024
    /// MAXSEQ: above it the client has to make another context.
    package static let maximum: UInt32 = 0x8000_0000

    /// Nil before the first.
    private var highest: UInt32?
    /// Of each number in the window, at its remainder by `size`, whether it came.
    private var seen = [UInt64](repeating: 0, count: Int(size) / 64)

    package init() {}

    /// Takes a number that was proved to be the client's.
    /// - Returns: false for one that came before, or is below the window so that it may have.
    package mutating func take(_ number: UInt32) -> Bool {
        if let highest, number <= highest {
            guard highest - number < Self.size, !isSeen(number) else { return false }
        } else {
            let new = highest.map { min(number - $0, Self.size) } ?? 1
            for step in 0..<new { set(number - min(step, number), false) }
            highest = number
        }
        set(number, true)
        return true
    }

    private func isSeen(_ number: UInt32) -> Bool { seen[Self.word(number)] & Self.bit(number) != 0 }

    private mutating func set(_ number: UInt32, _ value: Bool) {
        if value { seen[Self.word(number)] |= Self.bit(number) } else { seen[Self.word(number)] &= ~Self.bit(number) }
    }

    private static func word(_ number: UInt32) -> Int { Int(number % size) / 64 }
    private static func bit(_ number: UInt32) -> UInt64 { 1 << UInt64(number % 64) }
}
