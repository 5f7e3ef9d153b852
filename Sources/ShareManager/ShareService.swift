import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Logging
import NFSDaemon
import SwiftProtobuf

/// What Longhorn calls.
struct ShareService: ShareManagerService.SimpleServiceProtocol {
    let share: Share
    let log: Logger

    func filesystemTrim(request: FilesystemTrimRequest, context: ServerContext) async throws -> Google_Protobuf_Empty {
        try await run("FilesystemTrim") { try await share.trim() }
    }

    func filesystemResize(request: Google_Protobuf_Empty, context: ServerContext) async throws -> Google_Protobuf_Empty {
        try await run("FilesystemResize") { try await share.resize() }
    }

    func unmount(request: Google_Protobuf_Empty, context: ServerContext) async throws -> Google_Protobuf_Empty {
        try await run("Unmount") { try await share.unmount() }
    }

    func mount(request: Google_Protobuf_Empty, context: ServerContext) async throws -> Google_Protobuf_Empty {
        try await run("Mount") { try await share.mount() }
    }

    private func run(_ name: String, _ call: () async throws -> Void) async throws -> Google_Protobuf_Empty {
        do {
            try await call()
        } catch {
            log.error("a call of Longhorn failed", metadata: ["call": "\(name)", "error": "\(error)"])
            throw RPCError(code: .internalError, message: "\(error)")
        }
        log.info("called by Longhorn", metadata: ["call": "\(name)"])
        return Google_Protobuf_Empty()
    }
}

/// The standard health service: who reaches it reaches a share manager that serves, or it would not run. Whether NFS is answered is told at
/// /readyz.
struct HealthService: Grpc_Health_V1_Health.SimpleServiceProtocol {
    func check(request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext) async throws -> Grpc_Health_V1_HealthCheckResponse {
        guard ["", ShareManagerService.descriptor.fullyQualifiedService].contains(request.service) else {
            throw RPCError(code: .notFound, message: "there is no service \(request.service) here")
        }
        return .with { $0.status = .serving }
    }

    func watch(
        request: Grpc_Health_V1_HealthCheckRequest, response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>, context: ServerContext
    ) async throws {
        try await response.write(check(request: request, context: context))
        try await context.cancellation.cancelled
    }
}

/// Serves both until the task is cancelled.
func serveGRPC(_ share: Share, on address: ListenAddress, log: Logger) async throws {
    let (host, port) = ("\(address.address)", Int(address.port))
    let server = GRPCServer(
        transport: .http2NIOPosix(
            address: host.contains(":") ? .ipv6(host: host, port: port) : .ipv4(host: host, port: port), transportSecurity: .plaintext),
        services: [ShareService(share: share, log: log), HealthService()])
    try await withThrowingTaskGroup { group in
        group.addTask { try await server.serve() }
        group.addTask {
            let address = try await server.transport.listeningAddress
            log.info("gRPC is served", metadata: ["address": "\(address)"])
        }
        try await group.waitForAll()
    }
}
