import Logging
import NFSServer
import RecoveryJournal

/// This instance's record of clients: a journal on local stable storage, which is what counts, and a recovery backend that
/// follows it. What the engine's recovery stands on.
package actor RecoveryRecord: RecoveryStorage {
    private let executor = DiskExecutor(label: "record of clients")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// nil while it is suspended.
    private var openJournal: RecoveryJournal?
    private let opening: @Sendable (_ open: () -> Int32) -> Int32
    private let directory: String
    private let backend: BackendFollower?
    private let deadline: Duration
    private let log: Logger

    /// - Parameters:
    ///   - directory: where the journal is.
    ///   - opening: as of `RecoveryJournal`.
    ///   - deadline: how long a start waits for the backend.
    package init(
        directory: String, opening: @escaping @Sendable (_ open: () -> Int32) -> Int32 = { $0() }, backend: BackendFollower?,
        deadline: Duration, log: Logger
    ) throws {
        openJournal = try RecoveryJournal(in: directory, opening: opening)
        self.opening = opening
        self.directory = directory
        self.backend = backend
        self.deadline = deadline
        self.log = log
    }

    /// Closes the journal, for the file system it is on to be unmounted. Changes fail until `resume`.
    func suspend() { openJournal = nil }

    func resume() throws {
        if openJournal == nil { openJournal = try RecoveryJournal(in: directory, opening: opening) }
    }

    private var journal: RecoveryJournal {
        get throws {
            guard let openJournal else { throw DaemonError("the volume of the journal is not mounted: it goes on when that is") }
            return openJournal
        }
    }

    package func open() async throws -> [[UInt8]] {
        let answer = await backend?.answer(within: deadline) ?? .none
        if case .silent(let reason) = answer, try journal.state != nil {
            log.warning("the recovery backend does not answer, the journal decides alone", metadata: ["error": "\(reason)"])
        }
        guard let (clients, reason) = try RecordResolution.listed(journal: journal.state, backend: answer) else {
            throw DaemonError(
                "there is no journal of client records in \(directory) and the recovery backend does not answer, so who may reclaim is not "
                    + "known: start the backend, or remove recovery-url if no client of this volume is to get back what it held")
        }
        try journal.begin(listed: clients)
        log.info("record of clients begins", metadata: ["clients": "\(clients.count)", "reason": "\(reason)"])
        if let state = try journal.state {
            await backend?.begin(JournalMarker(lineage: state.lineage, instance: state.instance)) { [weak self] in await self?.confirm() }
        }
        return Array(clients)
    }

    package func add(_ owner: [UInt8]) async throws {
        try journal.append(.add([owner]))
        await backend?.add(owner)
    }

    package func remove(_ owner: [UInt8]) async throws {
        try journal.append(.remove(owner))
        await backend?.remove(owner)
    }

    package func activate() async throws {
        try journal.append(.activate)
        await backend?.activate()
    }

    package func stop(holding owners: [[UInt8]]) async throws {
        try journal.append(.stop(holding: Set(owners)))
        await backend?.retain(owners)
    }

    /// The backend has this record in force. Without the line in the journal the backend's marker still says so.
    private func confirm() {
        do {
            guard try journal.state?.wasConfirmed == false else { return }
            try journal.append(.confirm)
        } catch {
            log.warning("\(error)")
        }
    }
}
