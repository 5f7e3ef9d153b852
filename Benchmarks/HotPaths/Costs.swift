import CCosts
import Foundation

/// What one operation costs on average.
struct Costs: Codable {
    var allocations: Double
    /// In user mode; nil where nobody counts them.
    var instructions: Double?

    /// How much above a limit instructions may be: other versions of the compiler and of libc differ by as much.
    private static let tolerance = 1.1

    func problems(_ limit: Costs) -> [String] {
        var problems: [String] = []
        if allocations > limit.allocations {
            problems.append("\(allocations) allocations per operation, the limit is \(limit.allocations)")
        }
        if let instructions, let most = limit.instructions, instructions > most * Self.tolerance {
            problems.append("\(Int(instructions)) instructions per operation, the limit is \(Int(most * Self.tolerance))")
        }
        return problems
    }
}

/// Instructions of all threads, as valgrind's callgrind counts them: the same on every machine and under every load.
final class InstructionCounter {
    /// What callgrind's option --callgrind-out-file names.
    private let output: String
    private var dumps = 0

    init(output: String) { self.output = output }

    func begin() { costs_forget_instructions() }

    /// Those since `begin`.
    func end() throws -> UInt64 {
        costs_dump_instructions()
        dumps += 1
        let dump = try String(contentsOfFile: "\(output).\(dumps)", encoding: .utf8)
        guard let line = dump.split(separator: "\n").last(where: { $0.hasPrefix("totals: ") }), let count = UInt64(line.dropFirst(8)) else {
            throw CostFailure("callgrind wrote no total into \(output).\(dumps)")
        }
        return count
    }
}
