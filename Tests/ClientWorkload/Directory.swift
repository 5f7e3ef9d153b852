import ArgumentParser
import Glibc

struct FillDirectory: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Create that many empty files in a directory.")

    @Argument var directory: String
    @Argument var count: Int

    func run() throws {
        for number in 0..<count {
            _ = try File("\(directory)/\(DirectoryEntry.name(number))", O_WRONLY | O_CREAT | O_EXCL)
        }
    }
}

struct ListDirectory: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List what fill-directory made: each entry once, no other.")

    @Argument var directory: String
    @Argument var count: Int

    func run() throws {
        guard let stream = opendir(directory) else { throw Failure(call: "opendir \(directory)") }
        defer { closedir(stream) }
        var missing = Set((0..<count).map(DirectoryEntry.name)).union([".", ".."])
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            guard missing.remove(name) != nil else { throw Failure("\(directory) lists \(name) twice, or nobody made it") }
        }
        guard errno == 0 else { throw Failure(call: "readdir \(directory)") }
        guard missing.isEmpty else { throw Failure("\(directory) does not list \(missing.count) entries, \(missing.min()!) among them") }
    }
}

private enum DirectoryEntry {
    /// Names of different lengths, so that replies end at different places.
    static func name(_ number: Int) -> String {
        "entry-\(number)-" + String(repeating: "x", count: number % 37)
    }
}
