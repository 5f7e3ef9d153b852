/// One record of the file that `write-durably` grows: its bytes follow from the seed and its number alone.
enum DurableRecord {
    /// In bytes; not a divisor of a page, so that neighbours share pages.
    static let length = 3_000

    static func bytes(seed: UInt64, number: Int) -> [UInt8] {
        var random = SplitMix64(seed: seed &+ UInt64(number) &* 0x1_0000_0001)
        return random.bytes(length)
    }
}
