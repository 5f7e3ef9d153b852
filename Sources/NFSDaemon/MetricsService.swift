import Exposition
import Hummingbird
import Logging
import NFSServer

/// Tells Prometheus, at `/metrics`, what the server is doing, and Kubernetes, at `/readyz`, whether clients are served.
struct MetricsService: Sendable {
    let server: NFSServer
    let backend: BackendFollower?
    let readiness: Readiness
    let address: ListenAddress
    let log: Logger

    /// Serves until the task is cancelled.
    func run() async throws {
        let router = Router()
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: server.status().metrics(isBackendInStep: await backend?.isInStep))))
        }
        router.get("/readyz") { _, _ in
            let problem = await readiness.problem()
            return Response(
                status: problem == nil ? .ok : .serviceUnavailable, headers: [.contentType: "text/plain; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: (problem ?? "ready") + "\n")))
        }
        try await router.serve(on: .hostname("\(address.address)", port: Int(address.port)), log: log)
    }
}

extension ServerStatus {
    /// The status as metrics.
    /// - Parameter isBackendInStep: nil without a recovery backend.
    package func metrics(isBackendInStep: Bool?) -> String {
        var metrics = PrometheusText()
        metrics.single("remuda_grace", .gauge, help: "1 until the grace period after a restart is over.", grace == "over" ? 0 : 1)
        metrics.single("remuda_grace_seconds_left", .gauge, help: "Time until the grace period ends at the latest.", graceSecondsLeft)
        metrics.metric("remuda_grace_missing_client", .gauge, help: "A client that the grace period waits for.")
        for name in awaited { metrics.sample("remuda_grace_missing_client", 1, [("client", name)]) }
        if let isBackendInStep {
            metrics.single(
                "remuda_recovery_backend_in_step", .gauge, help: "Whether the recovery backend has what the journal has.",
                isBackendInStep ? 1 : 0)
        }
        metrics.single("remuda_clients", .gauge, help: "Clients with a client ID.", clients.count)
        metrics.single("remuda_opens", .gauge, help: "Opens of all clients.", clients.reduce(0) { $0 + $1.opens })
        metrics.single("remuda_locks", .gauge, help: "Locked ranges of all clients.", clients.reduce(0) { $0 + $1.locks })
        return metrics.text
    }
}
