import ArgumentParser
import Glibc

struct WriteDurably: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Append records, fsync after each, journal each that was acknowledged.")

    @Argument var path: String
    @Option var seed: UInt64
    @OptionGroup var repetition: JournalOptions

    func run() throws {
        let file = try File(path, O_WRONLY | O_CREAT | O_EXCL)
        try repetition.record { number in
            try file.write(DurableRecord.bytes(seed: seed, number: number), at: number * DurableRecord.length)
            try file.sync()
        }
    }
}
