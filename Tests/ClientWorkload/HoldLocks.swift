import ArgumentParser
import Glibc

struct HoldLocks: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take locks on a file and hold them; each step writes and syncs, which fails when the client has lost a lock.",
        discussion: "LOCK is flock:MODE or posix:MODE:START:LENGTH, MODE is shared or exclusive.")

    @Argument var path: String
    @Argument var locks: [LockRequest]
    @Flag(help: "Wait for a lock that another owner holds instead of failing.") var wait = false
    @OptionGroup var repetition: JournalOptions

    func run() throws {
        let file = try File(path, O_RDWR | O_CREAT)
        for lock in locks {
            guard try lock.take(on: file, waiting: wait) else { throw Failure("\(path) is locked by another owner") }
        }
        try repetition.record { number in
            try file.write(Array("\(number)".utf8), at: 0)
            try file.sync()
            usleep(100_000)
        }
    }
}
