/// Keeps what others can provoke from filling the log: one line for each kind of event in ten seconds.
struct LogThrottle {
    private static let interval: Int64 = 10_000_000_000
    private var quietUntil: Int64 = .min
    private var suppressed = 0

    /// How many lines were left out since the last one, or nil when this one is to be left out too.
    mutating func admit(at now: Int64) -> Int? {
        guard now >= quietUntil else {
            suppressed += 1
            return nil
        }
        quietUntil = now + Self.interval
        defer { suppressed = 0 }
        return suppressed
    }
}
