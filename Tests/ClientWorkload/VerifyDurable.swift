import ArgumentParser
import Glibc

struct VerifyDurable: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Compare the first records of a write-durably file, byte for byte.")

    @Argument var path: String
    @Option var seed: UInt64
    @Option(help: "How many records were acknowledged.") var records: Int

    func run() throws {
        let file = try File(path, O_RDONLY)
        for number in 0..<records {
            let found = try file.read(DurableRecord.length, at: number * DurableRecord.length)
            guard found == DurableRecord.bytes(seed: seed, number: number) else {
                throw Failure("record \(number) of \(records) was acknowledged and is not in \(path) as it was written")
            }
        }
    }
}
