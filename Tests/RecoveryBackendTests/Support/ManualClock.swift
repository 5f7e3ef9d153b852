import Synchronization

/// A clock whose time passes only when a test lets it.
final class ManualClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var sleepers: [(id: Int, end: Instant, wake: CheckedContinuation<Void, any Error>)] = []
        var lastID = 0
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wake in
                let isCancelled = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return true }
                    state.sleepers.append((id, deadline, wake))
                    return false
                }
                if isCancelled { wake.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil as CheckedContinuation<Void, any Error>?
                }
                return state.sleepers.remove(at: index).wake
            }
            sleeper?.resume(throwing: CancellationError())
        }
    }

    /// Lets time pass to the end of the first sleep, when there is one.
    func advance() async {
        while true {
            let sleeper = state.withLock { state in
                guard let first = state.sleepers.indices.min(by: { state.sleepers[$0].end < state.sleepers[$1].end }) else {
                    return nil as CheckedContinuation<Void, any Error>?
                }
                state.now = state.sleepers[first].end
                return state.sleepers.remove(at: first).wake
            }
            if let sleeper { return sleeper.resume() }
            await Task.yield()
        }
    }
}
