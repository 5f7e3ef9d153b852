import CLinux
import Glibc

/// The memory of a server that has next to nothing to do.
enum IdleMemory {
    /// Gives back what was needed for requests, whenever there were hardly any for some seconds, until the task is cancelled. A first one
    /// runs code in two hundred places, and each brings 64 KiB of the program with it.
    static func release() async {
        var used = clock()
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(10))
            let now = clock()
            // A hundredth of a processor, in microseconds.
            if now - used < 100_000 { clinux_release_unused_memory() }
            used = now
        }
    }
}
