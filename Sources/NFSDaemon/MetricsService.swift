import Hummingbird
import Logging

/// Tells Prometheus, at `/metrics`, what the server is doing, and Kubernetes, at `/readyz`, whether clients are served.
struct MetricsService: Sendable {
    let readiness: Readiness
    let address: ListenAddress
    let log: Logger
    let metrics: @Sendable () async -> ServerMetrics

    /// Serves until the task is cancelled.
    func run() async throws {
        let router = Router()
        router.get("/metrics") { [metrics] _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: await metrics().text)))
        }
        router.get("/readyz") { _, _ in
            let problem = await readiness.problem()
            return Response(
                status: problem == nil ? .ok : .serviceUnavailable, headers: [.contentType: "text/plain; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: (problem ?? "ready") + "\n")))
        }
        try await router.serve(on: .hostname("\(address.address)", port: Int(address.port)), log: log) { port in
            let address = ListenAddress(address: address.address, port: port.flatMap(UInt16.init(exactly:)) ?? address.port)
            log.info("metrics are served", metadata: ["address": "\(address)"])
        }
    }
}
