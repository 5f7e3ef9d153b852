import ArgumentParser
import Glibc

struct OpenFiles: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Create a file, write to it, close it, open it again, over and over.")

    @Argument var directory: String
    @OptionGroup var repetition: JournalOptions

    func run() throws {
        try repetition.record { number in
            // A bounded set of names, so that the directory stays small however long this runs.
            let path = "\(directory)/opened-\(number % 100)"
            let content = Array("\(number)".utf8)
            try File(path, O_WRONLY | O_CREAT | O_TRUNC).write(content, at: 0)
            guard try File(path, O_RDONLY).read(100, at: 0) == content else {
                throw Failure("\(path) does not hold what was written before it was closed")
            }
        }
    }
}
