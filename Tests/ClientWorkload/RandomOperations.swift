import ArgumentParser
import Glibc

struct RandomOperations: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Apply seeded random operations to a file and to a model, and stop at the first difference.")

    @Argument var path: String
    @Option(help: "Equal seeds apply equal operations.") var seed: UInt64
    @Option var seconds: Int

    func run() throws {
        var exerciser = try FileExerciser(path: path, seed: seed)
        let end = ContinuousClock.now + .seconds(seconds)
        var count = 0
        do {
            while ContinuousClock.now < end {
                try exerciser.step()
                count += 1
            }
            try exerciser.apply(.dropCaches)
            try exerciser.compareAll()
        } catch {
            print("seed \(seed), operation \(count); the last operations were:")
            for line in exerciser.history { print("  ", line) }
            throw error
        }
        print("seed \(seed): \(count) operations agree with the model")
    }
}
