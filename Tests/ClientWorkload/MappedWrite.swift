import ArgumentParser
import Glibc

struct MappedWrite: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Change a file through a shared mapping and read the change back.")

    @Argument var path: String

    func run() throws {
        let length = 300_000
        let range = 70_001..<200_003
        var random = SplitMix64(seed: 11)
        var expected = random.bytes(length)
        let change = random.bytes(range.count)

        let file = try File(path, O_RDWR | O_CREAT | O_EXCL)
        try file.write(expected, at: 0)
        let mapping = try Mapping(file, range)
        mapping.bytes.copyBytes(from: change)
        try mapping.sync()
        expected.replaceSubrange(range, with: change)

        try emptyClientCaches()
        guard try file.read(length + 1, at: 0) == expected else { throw Failure("\(path) does not hold what was written through mmap") }
    }
}
