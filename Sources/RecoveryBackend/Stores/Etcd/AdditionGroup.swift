import DequeModule

/// Clients to be added to one version of a host.
struct Addition: Sendable {
    let clients: Set<ClientIdentity>
    let version: RecoveryVersion
    let hostname: ServerHostname
}

/// Adds clients together: calls that come while ``maximumUnderWay`` transactions are under way wait and share the next one.
actor AdditionGroup {
    typealias Outcome = Result<Void, RecoveryError>

    /// etcd takes 128 comparisons and 128 operations in a transaction, and each call takes one for its version, too.
    static let maximumCount = 64
    /// So that a transaction is put together while etcd writes another one to disk.
    private static let maximumUnderWay = 4

    private var waiting: Deque<(addition: Addition, continuation: CheckedContinuation<Outcome, Never>)> = []
    private var underWay = 0

    /// Does it with others by `run`, which gives each addition its outcome.
    /// - Parameter addition: of at most ``maximumCount`` clients.
    func add(_ addition: Addition, by run: @escaping @Sendable ([Addition]) async -> [Outcome]) async throws(RecoveryError) {
        let outcome = await withCheckedContinuation { continuation in
            waiting.append((addition, continuation))
            if underWay < Self.maximumUnderWay {
                underWay += 1
                Task { await self.runAll(run) }
            }
        }
        try outcome.get()
    }

    private func runAll(_ run: @Sendable ([Addition]) async -> [Outcome]) async {
        while !waiting.isEmpty {
            var calls = [waiting.removeFirst()]
            var count = calls[0].addition.clients.count
            while let next = waiting.first, count + next.addition.clients.count <= Self.maximumCount {
                count += next.addition.clients.count
                calls.append(waiting.removeFirst())
            }
            let outcomes = await run(calls.map(\.addition))
            for (call, outcome) in zip(calls, outcomes) { call.continuation.resume(returning: outcome) }
        }
        underWay -= 1
    }
}
