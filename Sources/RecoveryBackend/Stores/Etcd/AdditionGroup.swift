/// One client to be added to one version of a host.
struct Addition: Hashable, Sendable {
    let client: ClientIdentity
    let version: RecoveryVersion
    let hostname: ServerHostname
}

/// Adds clients together: those that come while a transaction is under way share the next one.
actor AdditionGroup {
    typealias Outcome = Result<Void, RecoveryError>

    /// etcd takes 128 comparisons in a transaction, and each addition may make two.
    private static let maximumCount = 60

    private var waiting: [(addition: Addition, continuation: CheckedContinuation<Outcome, Never>)] = []
    private var isRunning = false

    /// Does it with others by `run`, which gives each addition its outcome; no two of them are alike.
    func add(
        _ addition: Addition, by run: @escaping @Sendable ([Addition]) async -> [Addition: Outcome]
    ) async throws(RecoveryError) {
        let outcome = await withCheckedContinuation { continuation in
            waiting.append((addition, continuation))
            if !isRunning {
                isRunning = true
                Task { await self.runAll(run) }
            }
        }
        try outcome.get()
    }

    private func runAll(_ run: @Sendable ([Addition]) async -> [Addition: Outcome]) async {
        while !waiting.isEmpty {
            let calls = waiting.prefix(Self.maximumCount)
            waiting.removeFirst(calls.count)
            let outcomes = await run(Array(Set(calls.map(\.addition))))
            for call in calls {
                call.continuation.resume(returning: outcomes[call.addition] ?? .failure(.unavailable("the client was not added")))
            }
        }
        isRunning = false
    }
}
