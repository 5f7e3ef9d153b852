import NFSProtocol
import Synchronization

/// What a directory service was asked lately and answered, "nobody" included.
final class AnswerCache<Question: Hashable & Sendable, Answer: Sendable>: Sendable {
    private struct Kept {
        var answer: Answer
        /// When it is to be asked for again, on the server's clock.
        var until: UInt64
    }

    private let clock: ServerClock
    private let kept = Mutex<[Question: Kept]>([:])

    init(clock: ServerClock) { self.clock = clock }

    /// The most answers kept, and for how long in nanoseconds.
    private static var size: Int { 8192 }
    private static var time: UInt64 { 300_000_000_000 }

    /// The answer that is kept, or the one `ask` gets, which may wait for the service.
    /// - Throws: `wouldBlock` where that is not allowed; what `ask` throws, which is not kept.
    func answer(_ question: Question, mayBlock: Bool, _ ask: () throws(NFSStatus) -> Answer) throws(NFSStatus) -> Answer {
        let now = clock.now()
        if let kept = kept.withLock({ $0[question] }), kept.until > now { return kept.answer }
        guard mayBlock else { throw .wouldBlock }
        let answer = try ask()
        kept.withLock { kept in
            if kept.count >= Self.size {
                kept = kept.filter { $0.value.until > now }
                if kept.count >= Self.size { kept.removeAll() }
            }
            kept[question] = Kept(answer: answer, until: now + Self.time)
        }
        return answer
    }
}
