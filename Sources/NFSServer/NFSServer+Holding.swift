import NFSProtocol
import NFSState

/// Where compounds go that have to wait: none of them holds a thread, and none waits under a lock.
extension NFSServer {
    /// Runs a compound as far as it goes on this thread.
    func advance(_ compound: Compound, mayBlock: Bool = false, hasWaited: Bool = false) {
        compound.mayBlock = mayBlock
        compound.hasWaited = hasWaited
        switch compound.run() {
        case .finished: compound.send()
        case .waits(.worker):
            let hasWaited = compound.hasWaited
            workers.submit { self.advance(compound, mayBlock: true, hasWaited: hasWaited) }
        case .waits(.endOfGrace):
            recovery.afterGrace(atMost: .milliseconds(limits.graceHoldMilliseconds)) { self.resume(compound, hasWaited: $0) }
        case .waits(.recordOfLastInstance):
            recovery.afterLoading(atMost: .milliseconds(limits.graceHoldMilliseconds)) { self.resume(compound, hasWaited: $0) }
        case .waits(.clientRecord(let client)):
            recovery.record(client) { self.resume(compound) }
        case .waits(.removal(let dropped)):
            drop(dropped) { self.resume(compound) }
        case .waits(.departure(let dropped)):
            recovery.waiting(atMost: .milliseconds(limits.graceHoldMilliseconds), for: { self.drop(dropped, then: $0) }) {
                self.resume(compound)
            }
        }
    }

    /// Goes on with a compound that has waited, on a thread that no slow device holds up: locks and reclaims need no disk.
    private func resume(_ compound: Compound, hasWaited: Bool = false) {
        continuations.submit { self.advance(compound, hasWaited: hasWaited) }
    }

    /// Ends what a client that is gone leaves behind: its name comes off the record of clients first, so that no restart
    /// lets it reclaim what others were granted meanwhile (RFC 8881 §8.4.2.1), then its opens and locks go.
    func drop(_ dropped: DroppedClient, then completion: @escaping @Sendable () -> Void = {}) {
        guard dropped.wasConfirmed else { return completion() }
        log.notice(
            "client is gone", metadata: ["client": "\(ClientName(dropped.client.owner))", "restarted": "\(dropped.successor != nil)"])
        let dropState: @Sendable () -> Void = {
            if dropped.client.hasState { _ = self.files.dropAll(of: dropped.client) }
            completion()
        }
        // A restarted client keeps its place on the record.
        guard dropped.successor == nil else { return dropState() }
        let owner = dropped.client.owner
        // One that came back under the same name and was recorded meanwhile keeps its place as well.
        let isBack: @Sendable () -> Bool = {
            self.clients.withLock { $0.confirmedClients.contains { $0.owner == owner && $0.isRecorded } }
        }
        recovery.remove(owner, unless: isBack, then: dropState)
    }

    /// Drops clients that let their leases run out, until the task is cancelled.
    func watchLeases() async throws {
        let lease = Duration.seconds(Int64(limits.leaseSeconds))
        let pause = lease / 4
        while true {
            let before = MonotonicTime(nanoseconds: clock.now())
            try await Task.sleep(for: pause)
            let now = MonotonicTime(nanoseconds: clock.now())
            // The server itself was stopped for a while: clients could not renew, and get the time to.
            guard now.since(before) < pause * 2 else { continue }
            // A client cut off for a while keeps its state for another lease, unless somebody wants what it holds.
            for dropped in clients.withLock({ $0.removeExpired(now: now, courtesy: lease) }) { drop(dropped) }
        }
    }
}

/// What an administrator, or a program of theirs, says.
extension NFSServer {
    /// Stops waiting for the clients of which `isDead` is true to reclaim what they held: they are known not to come back.
    /// - Returns: their names.
    @discardableResult
    package func declareDead(reason: String, where isDead: ([UInt8]) -> Bool) -> [String] {
        (recovery.grace?.awaited ?? []).filter { isDead($0) && recovery.declareDead($0, reason) }.map { "\(ClientName($0))" }.sorted()
    }

    /// Takes everything from a client, and stops waiting for it.
    /// - Parameter name: as `status` shows it.
    /// - Returns: whether there is such a client.
    package func evict(_ name: String) async -> Bool {
        let missing = declareDead(reason: "evicted") { "\(ClientName($0))" == name }
        let dropped = clients.withLock { clients in
            clients.confirmedClients.filter { "\(ClientName($0.owner))" == name }.compactMap { clients.evict($0) }
        }
        for client in dropped {
            await withCheckedContinuation { done in drop(client) { done.resume() } }
        }
        return !missing.isEmpty || !dropped.isEmpty
    }

    /// Whether clients may still reclaim.
    package var isInGrace: Bool { recovery.isInGrace }

    /// Leaves the record of clients as the next instance is to find it. For a server that answers no request any more.
    package func stop(atMost limit: Duration) async {
        let holding = clients.withLock { $0.confirmedClients }.filter(\.hasState).map(\.owner)
        await recovery.stop(holding: holding, atMost: limit)
    }
}

/// A client's owner string as the log shows it.
struct ClientName: CustomStringConvertible {
    private let owner: [UInt8]
    init(_ owner: [UInt8]) { self.owner = owner }

    var description: String { String(owner.map { (0x20...0x7e).contains($0) ? Character(UnicodeScalar($0)) : "?" }) }
}
