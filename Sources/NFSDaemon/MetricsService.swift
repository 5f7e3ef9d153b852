import Hummingbird
import Logging

/// Tells Prometheus, at `/metrics`, what the server is doing.
struct MetricsService: Sendable {
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
        try await router.serve(on: .hostname("\(address.address)", port: Int(address.port)), log: log)
    }
}
