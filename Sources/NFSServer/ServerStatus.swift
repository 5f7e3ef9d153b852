import NFSState

/// What the server is doing, for the people who run it.
package struct ServerStatus: Sendable, Codable {
    /// The grace period: `loading`, `open`, `ending` or `over`.
    package var grace: String
    /// Seconds until the grace period ends at the latest.
    package var graceSecondsLeft: Double
    /// The clients the grace period waits for.
    package var awaited: [String]
    package var clients: [ClientStatus]

    package struct ClientStatus: Sendable, Codable {
        /// The client ID in hexadecimal, by which an administrator names the client.
        package var id: String
        /// co_ownerid, with `?` for what cannot be printed.
        package var name: String
        /// Where its last session was made from.
        package var address: String
        package var opens: Int
        /// Locked ranges.
        package var locks: Int
        /// Seconds since the client was last heard of.
        package var silentSeconds: Double
        /// Whether the client holds opens or locks.
        package var hasState: Bool
        /// Whether the client is on the record of those that may reclaim after a restart.
        package var isRecorded: Bool

        package init(
            id: String, name: String, address: String, opens: Int, locks: Int, silentSeconds: Double, hasState: Bool, isRecorded: Bool
        ) {
            self.id = id
            self.name = name
            self.address = address
            self.opens = opens
            self.locks = locks
            self.silentSeconds = silentSeconds
            self.hasState = hasState
            self.isRecorded = isRecorded
        }
    }

    package init(grace: String, graceSecondsLeft: Double, awaited: [String], clients: [ClientStatus]) {
        self.grace = grace
        self.graceSecondsLeft = graceSecondsLeft
        self.awaited = awaited
        self.clients = clients
    }
}

extension NFSServer {
    package func status() -> ServerStatus {
        let now = MonotonicTime(nanoseconds: clock.now())
        let grace = recovery.grace
        let held = files.held()
        return ServerStatus(
            grace: grace.map { "\($0.phase)" } ?? "loading",
            graceSecondsLeft: grace.map { $0.isActive ? max(0, $0.deadline.since(now) / .seconds(1)) : 0 } ?? 0,
            awaited: (grace?.awaited ?? []).map { "\(ClientName($0))" }.sorted(),
            clients: clients.withLock { $0.confirmedClients }.map { client in
                ServerStatus.ClientStatus(
                    id: String(client.id.rawValue, radix: 16), name: "\(ClientName(client.owner))", address: client.address,
                    opens: held[client.id]?.opens ?? 0, locks: held[client.id]?.locks ?? 0,
                    silentSeconds: now.since(client.renewed) / .seconds(1), hasState: client.hasState,
                    isRecorded: client.isRecorded)
            }.sorted { $0.name < $1.name })
    }
}
