import Glibc

/// Nanoseconds of a clock.
func nanoseconds(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// CPU time that processes have taken.
enum ProcessorTime {
    static var own: UInt64 { nanoseconds(CLOCK_PROCESS_CPUTIME_ID) }

    /// Of all threads of a process, those that have ended too.
    static func of(_ process: pid_t) throws -> UInt64 {
        var clock = clockid_t()
        guard clock_getcpuclockid(process, &clock) == 0 else {
            throw LoadFailure("there is no process \(process) here; the server's process id is that of `ss -ltnp` on this machine")
        }
        return nanoseconds(clock)
    }
}
