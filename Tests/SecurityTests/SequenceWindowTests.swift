import RPCSecurity
import Testing

@Suite("The window of sequence numbers (RFC 2203 §5.3.3.1)")
struct SequenceWindowTests {
    private static let size = SequenceWindow.size

    @Test("takes each number once, in any order within the window")
    func eachOnce() {
        let window = Window()
        for number in [5, 3, 9, 4, 1, 8, 0] as [UInt32] { #expect(window.take(number)) }
        for number in [5, 3, 9, 4, 1, 8, 0] as [UInt32] { #expect(!window.take(number)) }
        for number in [2, 6, 7] as [UInt32] { #expect(window.take(number)) }
    }

    @Test("takes the lowest number of the window and not the one below", arguments: [0, 1, 63, 1_000_000, SequenceWindow.maximum - 1])
    func lowest(above: UInt32) {
        let window = Window()
        let highest = above < SequenceWindow.size ? above + SequenceWindow.size : above
        #expect(window.take(highest))
        #expect(!window.take(highest - Self.size))
        #expect(window.take(highest - Self.size + 1))
        #expect(!window.take(highest - Self.size + 1))
    }

    @Test("forgets what it moves away from, however far", arguments: [1, 2, 64, 1023, 1024, 1025, 5000, 1 << 30] as [UInt32])
    func moves(by step: UInt32) {
        let window = Window()
        for number in 0..<Self.size { #expect(window.take(number)) }
        let highest = Self.size - 1 + step
        #expect(window.take(highest))
        for distance in 1..<Self.size { #expect(window.take(highest - distance) == (highest - distance >= Self.size)) }
    }

    @Test("agrees with a set of all numbers that came")
    func model() {
        var random = SplitMix64(state: 7)
        let window = Window()
        var seen: Set<UInt32> = []
        var highest: UInt32 = 5000
        for _ in 0..<20_000 {
            let number = highest &- 1500 &+ UInt32(random.next() % 1510)
            let isNew = !seen.contains(number) && (seen.isEmpty || number > highest || highest - number < Self.size)
            if seen.isEmpty { highest = number }
            #expect(window.take(number) == isNew)
            seen.insert(number)
            highest = max(highest, number)
        }
    }
}

/// The window, in a form in which expectations may change it.
private final class Window {
    private var window = SequenceWindow()
    func take(_ number: UInt32) -> Bool { window.take(number) }
}

struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
