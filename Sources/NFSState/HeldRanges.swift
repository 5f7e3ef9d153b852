/// The locked ranges of one lock-owner under one open: sorted, apart from each other, neighbours of one type merged.
struct HeldRanges: Sendable {
    struct Held: Equatable, Sendable {
        var range: ByteRange
        var type: LockType
    }

    private(set) var held: [Held] = []

    var count: Int { held.count }
    var isEmpty: Bool { held.isEmpty }

    /// The first range that excludes a lock of `type` on `range`.
    func conflict(with range: ByteRange, _ type: LockType) -> Held? {
        held[overlapping(range)].first { type == .write || $0.type == .write }
    }

    /// Locks `range`, whatever of it was locked before in whichever way.
    mutating func lock(_ range: ByteRange, _ type: LockType) {
        unlock(range)
        var merged = range
        var index = firstIndex(endingAtOrAfter: range.first)
        if index < held.count, held[index].type == type, range.last < .max, held[index].range.first == range.last + 1 {
            merged = ByteRange(first: merged.first, last: held[index].range.last)
            held.remove(at: index)
        }
        if index > 0, held[index - 1].type == type, held[index - 1].range.last + 1 == range.first {
            merged = ByteRange(first: held[index - 1].range.first, last: merged.last)
            held.remove(at: index - 1)
            index -= 1
        }
        held.insert(Held(range: merged, type: type), at: index)
    }

    mutating func unlock(_ range: ByteRange) {
        let indices = overlapping(range)
        guard let low = held[indices].first, let high = held[indices].last else { return }
        var rest: [Held] = []
        if low.range.first < range.first {
            rest.append(Held(range: ByteRange(first: low.range.first, last: range.first - 1), type: low.type))
        }
        if high.range.last > range.last {
            rest.append(Held(range: ByteRange(first: range.last + 1, last: high.range.last), type: high.type))
        }
        held.replaceSubrange(indices, with: rest)
    }

    /// Whether unlocking `range` would leave one more range than before.
    func splits(at range: ByteRange) -> Bool {
        held[overlapping(range)].contains { $0.range.first < range.first && $0.range.last > range.last }
    }

    private func overlapping(_ range: ByteRange) -> Range<Int> {
        let start = firstIndex(endingAtOrAfter: range.first)
        var end = start
        while end < held.count, held[end].range.first <= range.last { end += 1 }
        return start..<end
    }

    /// Binary search.
    private func firstIndex(endingAtOrAfter byte: UInt64) -> Int {
        var low = 0
        var high = held.count
        while low < high {
            let middle = (low + high) / 2
            if held[middle].range.last < byte { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func checkInvariants() throws(InvariantViolation) {
        for (left, right) in zip(held, held.dropFirst()) {
            try require(left.range.last < right.range.first, "ranges overlap or are out of order")
            try require(left.type != right.type || left.range.last + 1 < right.range.first, "neighbours of one type are not merged")
        }
    }
}
