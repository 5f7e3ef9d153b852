import NFSProtocol
import NFSState
import RPC

/// Where compounds go that have to wait: none of them holds a thread, and none waits under a lock.
extension NFSServer {
    /// Runs a compound as far as it goes on this thread.
    func advance(_ compound: Compound, mayBlock: Bool = false, hasWaited: Bool = false) {
        if isFinished(compound, mayBlock: mayBlock, hasWaited: hasWaited) { compound.send() }
    }

    /// The same, and leaves the sending to the caller.
    private func isFinished(_ compound: Compound, mayBlock: Bool, hasWaited: Bool) -> Bool {
        compound.mayBlock = mayBlock
        compound.hasWaited = hasWaited
        let progress = compound.run()
        guard case .waits(let reason) = progress else { return true }
        compound.keepLease()
        hold(compound, for: reason)
        return false
    }

    /// Bytes of a request up to which it is as soon done as handed to another thread.
    private static let longestShortRequest = 16 * 1024 + 512

    private func hold(_ compound: Compound, for reason: WaitReason) {
        let hasWaited = compound.hasWaited
        switch reason {
        case .worker:
            workers.submit { self.advance(compound, mayBlock: true, hasWaited: hasWaited) }
        case .briefWorker:
            let work: BriefWork = {
                self.isFinished(compound, mayBlock: true, hasWaited: hasWaited) ? { compound.send() } : nil
            }
            // What takes long, other connections need not wait for.
            let isShort = compound.record.range.count <= Self.longestShortRequest
            if !(isShort && compound.connection.undertake(work)) { briefWorkers.submit(work) }
        case .listing(let question): if listings.join(compound, question) { answer(question) }
        case .flush(let file, let key, let written):
            flush(file, of: key, written, for: compound)
        case .persistence(let node): persist(node, for: compound)
        case .endOfGrace:
            recovery.afterGrace(atMost: .milliseconds(limits.graceHoldMilliseconds)) { self.resume(compound, hasWaited: $0) }
        case .recordOfLastInstance:
            recovery.afterLoading(atMost: .milliseconds(limits.graceHoldMilliseconds)) { self.resume(compound, hasWaited: $0) }
        case .clientRecord(let client):
            recovery.record(client) { self.resume(compound) }
        case .revocation(let client):
            takeState(of: client, as: .expired) { self.resume(compound) }
        case .departure(let dropped):
            recovery.waiting(atMost: .milliseconds(limits.graceHoldMilliseconds), for: { self.drop(dropped, then: $0) }) {
                self.resume(compound)
            }
        }
    }

    /// Answers those who wait for one listing.
    private func answer(_ question: ListingQueue.Question) {
        briefWorkers.submit {
            let (compounds, areSomeLeft) = self.listings.leave(question)
            if areSomeLeft { self.answer(question) }
            let shared = SharedListing()
            let finished = compounds.filter { compound in
                compound.sharedListing = shared
                return self.isFinished(compound, mayBlock: true, hasWaited: false)
            }
            return finished.isEmpty ? nil : { for compound in finished { compound.send() } }
        }
    }

    /// Goes on with a compound that has waited, on a thread that no slow device holds up: locks and reclaims need no disk.
    private func resume(_ compound: Compound, hasWaited: Bool = false) {
        continuations.submit { self.advance(compound, hasWaited: hasWaited) }
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

    /// Revokes all opens and locks of a client, and stops waiting for it to reclaim others.
    /// - Parameter name: as `status` shows it.
    /// - Returns: whether there is such a client.
    package func evict(_ name: String) async -> Bool {
        let missing = declareDead(reason: "evicted") { "\(ClientName($0))" == name }
        let present = clients.withLock { $0.confirmedClients }.filter { "\(ClientName($0.owner))" == name }
        for client in present { _ = await revoke(client.id) }
        return !missing.isEmpty || !present.isEmpty
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
