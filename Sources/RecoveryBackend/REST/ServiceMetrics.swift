import Exposition
import Hummingbird
import Synchronization

/// Counts and times requests, and tells the figures in the text format of Prometheus, version 0.0.4.
final class ServiceMetrics: RouterMiddleware {
    typealias Context = RecoveryRequestContext

    private struct Series: Hashable {
        let method: String
        /// The pattern of the path.
        let route: String
        let status: Int
    }

    private struct Figures {
        var count = 0
        var seconds = 0.0
        /// For each of ``bounds`` the requests that took at most so long.
        var within = [Int](repeating: 0, count: ServiceMetrics.bounds.count)

        mutating func note(_ elapsed: Double) {
            count += 1
            seconds += elapsed
            for index in bounds.indices where elapsed <= bounds[index] { within[index] += 1 }
        }
    }

    private static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

    private let figures = Mutex<[Series: Figures]>([:])

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        // Whatever a stranger writes for a path or a method makes no series of its own.
        let route = context.endpointPath ?? "NotFound"
        let method = route.hasPrefix("/") ? request.method.rawValue : "any"
        let series = Series(method: method, route: route, status: response.status.code)
        figures.withLock { $0[series, default: Figures()].note(elapsed) }
        return response
    }

    /// The figures of requests, and of the store unless it cannot be asked.
    func text(_ statistics: RegistryStatistics?) -> String {
        var metrics = PrometheusText()
        metrics.single("remuda_recovery_store_up", .gauge, help: "Whether the store answers.", statistics == nil ? 0 : 1)
        if let statistics {
            metrics.single("remuda_recovery_hosts", .gauge, help: "Hosts that are recorded.", statistics.hosts)
            metrics.single(
                "remuda_recovery_hosts_in_grace", .gauge, help: "Hosts whose server's grace period is not over.", statistics.hostsInGrace)
        }
        let name = "remuda_recovery_request_seconds"
        metrics.metric(name, .histogram, help: "How long requests took, by method, route and status.")
        let all = figures.withLock { $0 }.sorted {
            ($0.key.route, $0.key.method, $0.key.status) < ($1.key.route, $1.key.method, $1.key.status)
        }
        for (series, figures) in all {
            let labels = [("method", series.method), ("route", series.route), ("status", "\(series.status)")]
            for (bound, count) in zip(Self.bounds, figures.within) {
                metrics.sample("\(name)_bucket", count, labels + [("le", "\(bound)")])
            }
            metrics.sample("\(name)_bucket", figures.count, labels + [("le", "+Inf")])
            metrics.sample("\(name)_sum", figures.seconds, labels)
            metrics.sample("\(name)_count", figures.count, labels)
        }
        return metrics.text
    }
}
