import ArgumentParser
import Glibc

/// A lock on a whole file (flock) or on a range of it (POSIX), as asked for on the command line.
struct LockRequest: ExpressibleByArgument {
    enum Style: String {
        case flock, posix
    }

    enum Mode: String {
        case shared, exclusive
    }

    let style: Style
    let mode: Mode
    /// In bytes; a length of 0 reaches to the end of the file, however far that moves.
    let start: Int
    let length: Int

    init?(argument: String) {
        let parts = argument.split(separator: ":").map(String.init)
        guard parts.count >= 2, let style = Style(rawValue: parts[0]), let mode = Mode(rawValue: parts[1]) else { return nil }
        let range = parts.dropFirst(2).compactMap { Int($0) }
        guard range.count == (style == .posix ? 2 : 0), parts.count == 2 + range.count else { return nil }
        self.style = style
        self.mode = mode
        start = range.first ?? 0
        length = range.last ?? 0
    }

    /// Whether the lock was granted; a refusal because another owner holds it is `false`, everything else that fails is thrown.
    func take(on file: borrowing File, waiting: Bool = false) throws -> Bool {
        if request(on: file, waiting) == 0 { return true }
        guard errno == EAGAIN || errno == EACCES else { throw Failure(call: "\(style) lock of \(file.path)") }
        return false
    }

    func release(on file: borrowing File) throws {
        switch style {
        case .flock: try check(flock(file.descriptor, LOCK_UN), "unlock \(file.path)")
        case .posix: try check(posix(file, F_SETLK, F_UNLCK), "unlock \(file.path)")
        }
    }

    private func request(on file: borrowing File, _ waiting: Bool) -> Int32 {
        switch style {
        case .flock: flock(file.descriptor, (mode == .shared ? LOCK_SH : LOCK_EX) | (waiting ? 0 : LOCK_NB))
        case .posix: posix(file, waiting ? F_SETLKW : F_SETLK, mode == .shared ? F_RDLCK : F_WRLCK)
        }
    }

    private func posix(_ file: borrowing File, _ command: Int32, _ type: Int32) -> Int32 {
        var lock = Glibc.flock()
        lock.l_type = Int16(type)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = off_t(start)
        lock.l_len = off_t(length)
        return fcntl(file.descriptor, command, &lock)
    }
}
