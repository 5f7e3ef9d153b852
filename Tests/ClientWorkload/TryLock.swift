import ArgumentParser
import Glibc

struct TryLock: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask once for a lock, give it back, and print \"granted\" or \"refused\".",
        discussion: "LOCK is flock:MODE or posix:MODE:START:LENGTH, MODE is shared or exclusive.")

    @Argument var path: String
    @Argument var lock: LockRequest

    func run() throws {
        let file = try File(path, O_RDWR)
        print(try lock.take(on: file) ? "granted" : "refused")
    }
}
