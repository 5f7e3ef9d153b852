import ArgumentParser
import Glibc

/// What a repeated job shares with the test that runs it: a journal outside the tested file system, and the wish to stop.
struct JournalOptions: ParsableArguments {
    @Option(help: "New file that gets one line for each thing done: its number and the microseconds it took.") var journal: String
    @Option(help: "Go on until this path exists.") var until: String

    /// Calls `step` with 0, 1, 2, … until asked to stop, and journals each call that returned.
    func record(_ step: (Int) throws -> Void) throws {
        let file = try File(journal, O_WRONLY | O_CREAT | O_EXCL)
        var number = 0
        var position = 0
        while !exists(until) {
            let took = try ContinuousClock().measure { try step(number) }
            let line = Array("\(number) \(Int(took / .microseconds(1)))\n".utf8)
            try file.write(line, at: position)
            position += line.count
            number += 1
        }
    }
}
