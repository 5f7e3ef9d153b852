import Foundation
import Hummingbird

/// One page of hosts.
struct HostPage: ResponseCodable {
    var hosts: [HostSummary]
    /// The name to give as `after` for the next page; missing on the last one.
    var next: ServerHostname?
}

extension HostDetails: ResponseEncodable {}

/// What goes beyond the contract: looking at hosts, and taking away what is gone.
extension RecoveryService {
    @Sendable func hosts(_ request: Request, _ context: RecoveryRequestContext) async throws -> HostPage {
        let parameters = request.uri.queryParameters
        guard let limit = Int(parameters["limit"] ?? "\(HostSummary.maximumPage)"), (1...HostSummary.maximumPage).contains(limit) else {
            throw RecoveryError.malformed("limit is a number from 1 to \(HostSummary.maximumPage)")
        }
        let after = try parameters["after"].map { name throws(RecoveryError) in try hostname(String(name)) }
        let hosts = try await store.hosts(after: after, limit: limit)
        return HostPage(hosts: hosts, next: hosts.count == limit ? hosts.last?.hostname : nil)
    }

    @Sendable func details(_ request: Request, _ context: RecoveryRequestContext) async throws -> HostDetails {
        try await store.details(of: hostname(parameter("hostname", context)))
    }

    @Sendable func deleteHost(_ request: Request, _ context: RecoveryRequestContext) async throws -> Success {
        let hostname = try hostname(parameter("hostname", context))
        try await store.delete(hostname)
        context.logger.notice("deleted host \(hostname)")
        return Success()
    }

    /// Declares a client dead: it is taken off the list of those that may reclaim, and a server in its grace period that
    /// reads the list again no longer waits for it.
    @Sendable func declareDead(_ request: Request, _ context: RecoveryRequestContext) async throws -> Success {
        let hostname = try hostname(parameter("hostname", context))
        let client = try client(context)
        let active = try await store.details(of: hostname).versions.first { $0.state == .active }
        // Whoever mistypes a name is told so; a server that removes a client twice is not.
        guard let active, active.clients.contains(where: { $0.id == client }) else { throw HTTPError(.notFound) }
        try await store.remove(client, of: hostname)
        context.logger.notice("client '\(client)' of host \(hostname) is declared dead")
        return Success()
    }

    @Sendable func collectGarbage(_ request: Request, _ context: RecoveryRequestContext) async throws -> GarbageCollection.Outcome {
        let outcome = try await request.decode(as: GarbageCollection.self, context: context).run(on: store)
        context.logger.notice("forgot \(outcome.pendingVersions) versions never put in force and \(outcome.hosts) hosts not seen")
        return outcome
    }

    @Sendable func isReady(_ request: Request, _ context: RecoveryRequestContext) async -> HTTPResponse.Status {
        do {
            _ = try await store.statistics()
            return .ok
        } catch {
            context.logger.error("not ready: \(error)")
            return .serviceUnavailable
        }
    }

    @Sendable func figures(_ request: Request, _ context: RecoveryRequestContext) async -> Response {
        let text = metrics.text(try? await store.statistics())
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4"], body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    @Sendable func openAPI(_ request: Request, _ context: RecoveryRequestContext) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_json)))
    }
}
