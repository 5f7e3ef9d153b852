import GRDB
import Synchronization

/// Commits calls together: those that come while a transaction is under way wait for the next one, and share its
/// synchronisation of the disk.
///
/// A disk that does not answer holds nobody up: whoever waits longer than `patience` gets `late`, and so does at once
/// whoever calls until the transaction has ended.
final class CommitGroup: Sendable {
    typealias Body<Value> = @Sendable (Database) throws -> Value

    private struct State {
        var waiting: [any Member] = []
        var underWay: [any Member] = []
        var isLate = false
        /// Counts the transactions, so that a watch knows its own.
        var transaction = 0
    }

    private let database: DatabaseQueue
    private let patience: Duration
    private let clock: any Clock<Duration>
    private let late: RecoveryError
    private let state = Mutex(State())

    init(_ database: DatabaseQueue, patience: Duration, clock: any Clock<Duration>, late: RecoveryError) {
        self.database = database
        self.patience = patience
        self.clock = clock
        self.late = late
    }

    /// Runs `body` in a transaction that others share, and returns when it is committed. What `body` throws as a
    /// ``RecoveryError`` it throws before it changes anything; everything else undoes the transaction.
    func perform<Value: Sendable>(_ body: @escaping Body<Value>) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let call = Call(body, continuation)
            let starts = state.withLock { state in
                guard !state.isLate else { return Start.never }
                state.waiting.append(call)
                return state.underWay.isEmpty ? .now : .later
            }
            switch starts {
            case .never: call.end(late)
            case .now: run()
            case .later: break
            }
        }
    }

    private enum Start { case now, later, never }

    /// Begins a transaction for those that wait, unless one is under way.
    private func run() {
        let begun: (transaction: Int, calls: [any Member])? = state.withLock { state in
            guard state.underWay.isEmpty, !state.waiting.isEmpty else { return nil }
            swap(&state.waiting, &state.underWay)
            state.transaction += 1
            return (state.transaction, state.underWay)
        }
        guard let (transaction, calls) = begun else { return }
        let watch = Task { [patience, clock] in
            guard (try? await clock.sleep(for: patience)) != nil else { return }
            self.giveUp(transaction)
        }
        database.asyncWrite { database in
            for call in calls { try call.run(in: database) }
        } completion: { _, result in
            watch.cancel()
            self.state.withLock { state in
                state.underWay = []
                state.isLate = false
            }
            let failure: (any Error)? = if case .failure(let error) = result { error } else { nil }
            for call in calls { call.end(failure) }
            self.run()
        }
    }

    private func giveUp(_ transaction: Int) {
        let calls: [any Member] = state.withLock { state in
            guard state.transaction == transaction, !state.underWay.isEmpty else { return [] }
            state.isLate = true
            defer { state.waiting = [] }
            return state.underWay + state.waiting
        }
        for call in calls { call.end(late) }
    }
}

private protocol Member: Sendable {
    func run(in database: Database) throws
    /// Gives the caller its result, or `failure`. Only the first call has an effect.
    func end(_ failure: (any Error)?)
}

private final class Call<Value: Sendable>: Member {
    private struct State {
        var continuation: CheckedContinuation<Value, any Error>?
        var result: Result<Value, any Error>?
    }

    private let body: CommitGroup.Body<Value>
    private let state: Mutex<State>

    init(_ body: @escaping CommitGroup.Body<Value>, _ continuation: CheckedContinuation<Value, any Error>) {
        self.body = body
        state = Mutex(State(continuation: continuation))
    }

    func run(in database: Database) throws {
        let result: Result<Value, any Error>
        do {
            result = .success(try body(database))
        } catch let error as RecoveryError {
            result = .failure(error)
        }
        state.withLock { $0.result = result }
    }

    func end(_ failure: (any Error)?) {
        let (continuation, result) = state.withLock { state in
            defer { state.continuation = nil }
            return (state.continuation, state.result)
        }
        if let failure {
            continuation?.resume(throwing: failure)
        } else if let result {
            continuation?.resume(with: result)
        }
    }
}
