import ArgumentParser
import Glibc

struct LockRefused: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Ask for locks over and over, and fail as soon as one is granted.")

    @Argument(help: "PATH=LOCK, as for try-lock.") var requests: [PathAndLock]
    @OptionGroup var repetition: JournalOptions

    struct PathAndLock: ExpressibleByArgument {
        let path: String
        let lock: LockRequest

        init?(argument: String) {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let lock = LockRequest(argument: parts[1]) else { return nil }
            path = parts[0]
            self.lock = lock
        }
    }

    func run() throws {
        try repetition.record { _ in
            for request in requests {
                let file = try File(request.path, O_RDWR)
                if try request.lock.take(on: file) {
                    throw Failure("\(request.path): a lock that another client holds was granted")
                }
            }
        }
    }
}
