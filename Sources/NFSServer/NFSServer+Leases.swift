import NFSProtocol
import NFSState

/// How clients lose their state: because they left or restarted, because nobody hears of them, or by an administrator's word.
///
/// The server is courteous: a lease that has run out costs a client nothing until another one wants what it holds. Then all its
/// opens and locks are revoked, and the client learns it when it comes back (RFC 8881 §8.4.3).
extension NFSServer {
    /// Ends what a client that is gone leaves behind: its name comes off the record of clients first, so that no restart
    /// lets it reclaim what others were granted meanwhile (RFC 8881 §8.4.2.1), then its opens and locks go.
    func drop(_ dropped: DroppedClient, then completion: @escaping @Sendable () -> Void = {}) {
        guard dropped.wasConfirmed else { return completion() }
        for session in dropped.sessions { backChannels.remove(session) }
        let client = dropped.client
        log.notice("client is gone", metadata: ["client": "\(ClientName(client.owner))", "restarted": "\(dropped.successor != nil)"])
        let dropState: @Sendable () -> Void = {
            let hasAny = client.hasState || client.revokedCount > 0
            let freed = hasAny ? self.files.dropAll(of: client, now: self.now).freed : []
            completion()
            self.notify(freed)
        }
        // A restarted client keeps its place on the record.
        guard dropped.successor == nil else { return dropState() }
        takeOffRecord(client, then: dropState)
    }

    /// Revokes all opens and locks of a client that stays: `beginRevocation` keeps it from getting others until that is done.
    func takeState(of client: Client, as revocation: Revocation, then completion: @escaping @Sendable () -> Void) {
        log.notice(
            "state of a client is revoked",
            metadata: ["client": "\(ClientName(client.owner))", "reason": "\(revocation)", "states": "\(client.stateCount)"])
        takeOffRecord(client) {
            let released = self.files.revokeAll(of: client, as: revocation, now: self.now)
            client.endRevocation()
            completion()
            self.notify(released.freed)
        }
    }

    /// Takes the name of a client off the record of clients, unless it belongs to one that came back under the same name and was
    /// recorded meanwhile.
    private func takeOffRecord(_ client: Client, then completion: @escaping @Sendable () -> Void) {
        let owner = client.owner
        let isBack: @Sendable () -> Bool = {
            self.clients.withLock { $0.confirmedClients.contains { $0.owner == owner && $0.isRecorded } }
        }
        recovery.remove(owner, unless: isBack, then: completion)
    }

    /// Takes all opens and locks from a client because an administrator wants it. The client keeps its sessions and is told.
    /// - Returns: whether there is such a client.
    package func revoke(_ id: ClientID) async -> Bool {
        guard let client = clients.withLock({ $0[id] }) else { return false }
        guard client.beginRevocation() else { return true }
        await withCheckedContinuation { done in takeState(of: client, as: .administrative) { done.resume() } }
        return true
    }

    /// Watches over leases, and over memory that nobody needs any more, until the task is cancelled.
    func watchLeases() async throws {
        let pause = Duration.seconds(Int64(limits.leaseSeconds)) / 16
        while true {
            checkLeases()
            pool.trim()
            try await Task.sleep(for: pause)
        }
    }

    /// Says that the server is awake, without which no lease runs out, drops the clients that courtesy no longer keeps, and sees
    /// which back channels have lost their contexts.
    package func checkLeases() {
        // Another server may have the record. Leases stand still until this one may have it.
        guard !isHeld else { return }
        let now = now
        let dropped = clients.withLock { clients in
            clients.noteAwake(now: now)
            return clients.removeExpired(now: now)
        }
        for client in dropped { drop(client) }
        backChannels.forgetEndedContexts()
        takeIdleClientsOffRecord(now)
    }

    /// Takes clients off the record that have held nothing for the time of a lease. Such a client notices a restart only when it
    /// renews its lease, and the grace period would wait for it though it has nothing to reclaim.
    private func takeIdleClientsOffRecord(_ now: MonotonicTime) {
        guard !recovery.isInGrace else { return }
        let clients = clients.withLock { $0.confirmedClients }.filter { $0.isRecorded && !$0.hasState }
        let idle = idleSince.withLock { idleSince in
            idleSince = Dictionary(uniqueKeysWithValues: clients.map { ($0.id, idleSince[$0.id] ?? now) })
            return clients.filter { client in
                idleSince[client.id].map { now.since($0) >= .seconds(Int64(limits.leaseSeconds)) } ?? false
            }
        }
        guard !idle.isEmpty else { return }
        for client in idle { client.endRecording() }
        // An open or lock that was allowed before is in its shard's count then.
        files.settle()
        for client in idle {
            if client.hasState { client.setRecorded() } else { takeOffRecord(client) {} }
        }
    }

    /// Tells those who wait for locks that they may come, and looks after the locks kept for them, which are the next one's when
    /// they do not.
    func notify(_ freed: [FreedLock]) {
        guard !freed.isEmpty else { return }
        for lock in freed {
            notify(lock.waiter) { wasDelivered in
                if !wasDelivered { self.notify(self.files.abandon(lock, now: self.now)) }
            }
        }
        nameSpace.actAsServer()
        Task {
            try? await Task.sleep(for: self.limits.state.lockReservation)
            for file in Set(freed.map(\.file)) { self.notify(self.files.wake(file, now: self.now)) }
        }
    }

    var now: MonotonicTime { MonotonicTime(nanoseconds: clock.now()) }
}
