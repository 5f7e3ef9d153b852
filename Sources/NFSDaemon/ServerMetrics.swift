import Exposition
import NFSServer

/// What the server tells Prometheus.
package struct ServerMetrics: Sendable {
    private let status: ServerStatus
    private let figures: ServerFigures
    private let connections: Int
    private let descriptors: Int
    private let backend: Backend?

    /// How far the recovery backend is.
    package struct Backend: Sendable {
        let isInStep: Bool
        let pendingChanges: Int

        package init(isInStep: Bool, pendingChanges: Int) {
            self.isInStep = isInStep
            self.pendingChanges = pendingChanges
        }
    }

    /// - Parameters:
    ///   - descriptors: those of files that are open, for clients or to be used again.
    ///   - backend: nil without a recovery backend.
    package init(status: ServerStatus, figures: ServerFigures, connections: Int, descriptors: Int, backend: Backend?) {
        self.status = status
        self.figures = figures
        self.connections = connections
        self.descriptors = descriptors
        self.backend = backend
    }

    /// All metrics, in the text format of Prometheus.
    package var text: String {
        var metrics = PrometheusText()
        writeOperations(to: &metrics)
        writeClients(to: &metrics)
        writeRecovery(to: &metrics)
        writeResources(to: &metrics)
        return metrics.text
    }

    private func writeOperations(to metrics: inout PrometheusText) {
        let operations = figures.operations
        metrics.metric("remuda_operations_total", .counter, help: "Operations that were run, by name and status.")
        for outcome in operations.outcomes {
            metrics.sample(
                "remuda_operations_total", outcome.count, [("operation", outcome.operation), ("status", outcome.status)])
        }
        metrics.metric(
            "remuda_request_duration_seconds", .histogram,
            help: "Time from a request's arrival to its reply, by the operation it is about.")
        for requests in operations.requests {
            metrics.durations("remuda_request_duration_seconds", requests.durations, [("operation", requests.operation)])
        }
        metrics.single("remuda_read_bytes_total", .counter, help: "Bytes of file data that READ returned.", operations.bytesRead)
        metrics.single("remuda_written_bytes_total", .counter, help: "Bytes of file data that WRITE took.", operations.bytesWritten)
        metrics.metric("remuda_flush_duration_seconds", .histogram, help: "Time it took to bring a file or directory to stable storage.")
        metrics.durations("remuda_flush_duration_seconds", operations.flushes)
    }

    private func writeClients(to metrics: inout PrometheusText) {
        metrics.single("remuda_connections", .gauge, help: "TCP connections of clients.", connections)
        metrics.single("remuda_clients", .gauge, help: "Clients with a client ID.", status.clients.count)
        metrics.single("remuda_sessions", .gauge, help: "Sessions of all clients.", figures.sessions)
        metrics.single("remuda_slots_in_use", .gauge, help: "Slots on which a request is under way.", figures.slotsInUse)
        metrics.single("remuda_opens", .gauge, help: "Opens of all clients.", status.clients.reduce(0) { $0 + $1.opens })
        metrics.single("remuda_locks", .gauge, help: "Locked ranges of all clients.", status.clients.reduce(0) { $0 + $1.locks })
    }

    private func writeRecovery(to metrics: inout PrometheusText) {
        metrics.single("remuda_grace", .gauge, help: "1 until the grace period after a restart is over.", status.grace == "over" ? 0 : 1)
        metrics.single(
            "remuda_grace_seconds_left", .gauge, help: "Time until the grace period ends at the latest.", status.graceSecondsLeft)
        metrics.metric("remuda_grace_missing_client", .gauge, help: "A client that the grace period waits for.")
        for name in status.awaited { metrics.sample("remuda_grace_missing_client", 1, [("client", name)]) }
        guard let backend else { return }
        metrics.single(
            "remuda_recovery_backend_in_step", .gauge, help: "Whether the recovery backend has what the journal has.",
            backend.isInStep ? 1 : 0)
        metrics.single(
            "remuda_recovery_backend_pending_changes", .gauge, help: "Clients the recovery backend has yet to add or remove.",
            backend.pendingChanges)
    }

    private func writeResources(to metrics: inout PrometheusText) {
        metrics.metric("remuda_queued_work", .gauge, help: "Pieces of work that wait for a thread, by kind of thread.")
        for queue in figures.queued { metrics.sample("remuda_queued_work", queue.count, [("threads", queue.threads)]) }
        metrics.single(
            "remuda_cached_descriptors", .gauge, help: "Descriptors of files open for clients or kept to be used again.", descriptors)
        metrics.single("remuda_buffers_in_use_bytes", .gauge, help: "Buffers that requests and replies are in.", figures.buffersInUse)
        metrics.single("remuda_buffers_idle_bytes", .gauge, help: "Buffers kept for the next requests and replies.", figures.buffersIdle)
    }
}

extension PrometheusText {
    fileprivate mutating func durations(_ name: String, _ durations: DurationHistogram, _ labels: [Label] = []) {
        histogram(
            name, bounds: DurationHistogram.bounds.map { Double($0) / 1e9 }, counts: durations.buckets,
            sum: Double(durations.nanoseconds) / 1e9, labels)
    }
}
