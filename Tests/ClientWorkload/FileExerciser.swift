import Glibc

/// A file and the bytes it must hold.
struct FileExerciser: ~Copyable {
    enum Operation {
        case read, write, append, truncate, mappedRead, mappedWrite, sync, reopen, dropCaches
    }

    /// Large enough for several READ and WRITE requests of a MiB, small enough to compare often.
    static let maximumSize = 3 << 20
    static let maximumLength = 200_000

    private var file: File
    private var model: [UInt8] = []
    private var random: SplitMix64
    /// What was done last, oldest first.
    private(set) var history: [String] = []

    init(path: String, seed: UInt64) throws {
        file = try File(path, O_RDWR | O_CREAT | O_TRUNC)
        random = SplitMix64(seed: seed)
    }

    mutating func step() throws {
        // The cheap operations are the many, the ones that wait for the server the few.
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<30: try apply(.read)
        case 30..<60: try apply(.write)
        case 60..<68: try apply(.append)
        case 68..<76: try apply(.truncate)
        case 76..<84: try apply(.mappedRead)
        case 84..<92: try apply(.mappedWrite)
        case 92..<95: try apply(.sync)
        case 95..<98: try apply(.reopen)
        default: try apply(.dropCaches)
        }
    }

    mutating func apply(_ operation: Operation) throws {
        let position = Int.random(in: 0..<Self.maximumSize - Self.maximumLength, using: &random)
        let length = Int.random(in: 1...Self.maximumLength, using: &random)
        remember("\(operation) at \(position) length \(length), size before \(model.count)")
        switch operation {
        case .read: try compare(position, length)
        case .write: try write(at: position, length)
        case .append: if model.count + length <= Self.maximumSize { try write(at: model.count, length) }
        case .truncate: try truncate(to: position)
        case .mappedRead: try mapped(position, length, writing: false)
        case .mappedWrite: try mapped(position, length, writing: true)
        case .sync: try file.sync()
        case .reopen: try file.reopen()
        case .dropCaches: try emptyClientCaches()
        }
    }

    func compareAll() throws {
        try compare(0, Self.maximumSize + 1)
    }

    private mutating func remember(_ line: String) {
        history.append(line)
        if history.count > 40 { history.removeFirst() }
    }

    private mutating func write(at position: Int, _ length: Int) throws {
        let bytes = random.bytes(length)
        try file.write(bytes, at: position)
        grow(to: position + length)
        model.replaceSubrange(position..<position + length, with: bytes)
    }

    private mutating func truncate(to size: Int) throws {
        try file.truncate(to: size)
        model.removeLast(max(0, model.count - size))
        grow(to: size)
    }

    private mutating func grow(to size: Int) {
        model.append(contentsOf: repeatElement(0, count: max(0, size - model.count)))
    }

    private mutating func mapped(_ position: Int, _ length: Int, writing: Bool) throws {
        let end = min(position + length, model.count)
        guard position < end else { return }
        let mapping = try Mapping(file, position..<end)
        guard writing else { return try same([UInt8](mapping.bytes), position..<end) }
        let bytes = random.bytes(end - position)
        mapping.bytes.copyBytes(from: bytes)
        model.replaceSubrange(position..<end, with: bytes)
        try mapping.sync()
    }

    private func compare(_ position: Int, _ length: Int) throws {
        try same(file.read(length, at: position), min(position, model.count)..<min(position + length, model.count))
    }

    private func same(_ bytes: [UInt8], _ range: Range<Int>) throws {
        guard bytes.count == range.count else {
            throw Failure("\(bytes.count) bytes where the model has \(range.count) from \(range.lowerBound)")
        }
        if let wrong = bytes.indices.first(where: { bytes[$0] != model[range.lowerBound + $0] }) {
            throw Failure("byte \(range.lowerBound + wrong) is \(bytes[wrong]), the model has \(model[range.lowerBound + wrong])")
        }
    }
}
