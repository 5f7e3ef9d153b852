import ArgumentParser
import Foundation
import Synchronization

/// Counts what the hot operations cost in the engine: memory allocations, and instructions where the machine counts them.
/// Neither depends on what else the machine does, so both have limits that are checked.
@main
struct HotPaths: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hot-paths",
        abstract: "Counts allocations and instructions of hot operations, on a file system in memory and on a mounted one.")

    @Option(help: "A file of limits. Exceeding one is a failure.", completion: .file())
    var check: String?

    @Option(help: "Write what was counted into this file as limits.", completion: .file())
    var write: String?

    @Option(help: "What --callgrind-out-file names, when this runs in valgrind's callgrind: then instructions are counted too.")
    var callgrind: String?

    /// Not asynchronous: the main thread of such a program ends up in a system call that valgrind cannot make.
    func run() throws {
        let ended = DispatchSemaphore(value: 0)
        let outcome = Mutex<Result<Void, any Error>>(.success(()))
        Task {
            do { try await measure() } catch { outcome.withLock { $0 = .failure(error) } }
            ended.signal()
        }
        ended.wait()
        try outcome.withLock { $0 }.get()
    }

    private func measure() async throws {
        let counter = callgrind.map(InstructionCounter.init)
        var counted: [String: Costs] = [:]
        // Valgrind 3.19 does not know openat2, which the mounted file system takes.
        for volume in counter == nil ? Volume.allCases : [.memory] {
            let bench = try await EngineBench(volume)
            for operation in HotOperation.allCases {
                let costs = try bench.costs(of: operation, counter)
                counted["\(operation.rawValue), \(volume.rawValue)"] = costs
                let instructions = costs.instructions.map { ", \(Int($0.rounded())) instructions" } ?? ""
                print("\(operation.rawValue), \(volume.rawValue): \(Int(costs.allocations)) allocations\(instructions)")
            }
        }
        if let write { try keep(counted, in: write) }
        if let check { try compare(counted, with: check) }
    }

    /// Two runs fill the file, one of them in valgrind.
    private func keep(_ counted: [String: Costs], in file: String) throws {
        var limits = (try? self.limits(file)) ?? [:]
        for (name, costs) in counted {
            let instructions = costs.instructions ?? limits[name]?.instructions
            limits[name] = Costs(allocations: costs.allocations, instructions: instructions)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try (encoder.encode(limits) + "\n".utf8).write(to: URL(filePath: file))
    }

    private func limits(_ file: String) throws -> [String: Costs] {
        try JSONDecoder().decode([String: Costs].self, from: Data(contentsOf: URL(filePath: file)))
    }

    private func compare(_ counted: [String: Costs], with file: String) throws {
        let limits = try limits(file)
        var failed = false
        for (name, costs) in counted.sorted(by: { $0.key < $1.key }) {
            guard let limit = limits[name] else {
                say("\(name) has no limit in \(file): add one with `scripts/check --write`")
                failed = true
                continue
            }
            for problem in costs.problems(limit) {
                say("\(name): \(problem); find out why, or raise the limit in \(file) with `scripts/check --write`")
                failed = true
            }
        }
        if failed { throw ExitCode.failure }
    }

    private func say(_ line: String) { FileHandle.standardError.write(Data("hot-paths: \(line)\n".utf8)) }
}
