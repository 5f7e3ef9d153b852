import NFSProtocol
import Synchronization

/// The compounds that wait for files to be brought to stable storage, by file.
///
/// One flush serves all that wait for a file. It counts for those alone that came before it began: what they wrote was in the page
/// cache by then, so it finds it. Those that come while one is under way share the next, which begins when that is over. So there is
/// never more than one of a file, and an error, which the kernel tells once, is told to all whom that one was for.
final class FlushQueue: Sendable {
    struct Waiter {
        let compound: Compound
        let written: Written?
    }

    /// A file is there from the first that waits until nobody does when its flush is over.
    private let waiting = Mutex<[FileHandle: [Waiter]]>([:])

    /// - Returns: whether the caller is to see to it that the file is flushed, for all that `begin` tells.
    func join(_ file: FileHandle, _ waiter: Waiter) -> Bool {
        waiting.withLock { waiting in
            let isFirst = waiting[file] == nil
            waiting[file, default: []].append(waiter)
            return isFirst
        }
    }

    /// Whom a flush of the file that begins now is for.
    func begin(_ file: FileHandle) -> [Waiter] {
        waiting.withLock { waiting in
            defer { waiting[file] = [] }
            return waiting[file] ?? []
        }
    }

    /// - Returns: whether others have come since the flush began, so that the file is to be flushed once more.
    func end(_ file: FileHandle) -> Bool {
        waiting.withLock { waiting in
            if waiting[file]?.isEmpty == false { return true }
            waiting[file] = nil
            return false
        }
    }
}
