import NFSProtocol
import RPC

/// Whether clients are served: what a client on this machine finds that reads the root of an export over TCP.
actor Readiness {
    private let executor = DiskExecutor(label: "readiness")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let address: PeerAddress
    private let pseudoPath: @Sendable () async -> String
    /// Kept from one question to the next: that a client comes and goes is an event for the log, and probes ask all the time.
    private var session: LoopbackSession?

    /// - Parameter pseudoPath: where an export is now.
    init(address: PeerAddress, pseudoPath: @escaping @Sendable () async -> String) {
        self.address = address
        self.pseudoPath = pseudoPath
    }

    /// - Returns: nil when clients are served, or what is wrong.
    func problem() async -> String? {
        let path = await pseudoPath()
        do throws(DaemonError) {
            guard let status = try status(of: path) else { return "the server does not answer in time: see its log" }
            // Where this machine is not admitted it is enough to be told so.
            return [.ok, .access, .wrongsec].contains(status) ? nil : "the server answers with \(status): see its log"
        } catch {
            session = nil
            return error.description
        }
    }

    private func status(of path: String) throws(DaemonError) -> NFSStatus? {
        if let session {
            // Else the server has forgotten it, or closed the connection.
            do throws(DaemonError) { return try session.read(path) } catch {}
        }
        let new = try LoopbackSession(with: address)
        session = new
        return try new.read(path)
    }
}
