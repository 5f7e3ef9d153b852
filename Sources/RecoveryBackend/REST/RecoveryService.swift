import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// The REST interface over a store that NFS servers of one or many hosts share.
package struct RecoveryService: Sendable {
    /// Where the contract has its resources.
    package static let path = "/v1/recoverybackend"

    /// Connections served at once; further ones wait to be accepted.
    private static let maximumConnections = 4096

    let store: any HostRegistry
    let metrics = ServiceMetrics()
    private let tokens: TokenFile?

    /// With `tokens` everybody has to present one of them as a bearer token.
    package init(store: any HostRegistry, tokens: TokenFile? = nil) {
        self.store = store
        self.tokens = tokens
    }

    /// A server for the interface, over TLS when there are files for it. `onReady` gets the address it listens on, once it
    /// does. Throws ``RecoveryError/malformed(_:)`` for files that cannot be used.
    package func application(
        listeningOn address: ServiceAddress, tls: TLSFiles = TLSFiles(), eventLoopGroup: any EventLoopGroup, logger: Logger,
        onReady: @escaping @Sendable (ServiceAddress) -> Void
    ) throws -> some ApplicationProtocol {
        // Servers talk to us one small request at a time; whoever says nothing is not one of them.
        let connections = HTTP1Channel.Configuration(
            idleTimeout: .seconds(30),
            httpDecoderConfiguration: .init(maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 32 * 1024, maxHeaderFieldCount: 64))
        let http = HTTPServerBuilder.http1(configuration: connections)
        let server = tls == TLSFiles() ? http : try Self.tls(tls, connections)
        return Application(
            router: router,
            server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port), serverName: nil, backlog: Self.maximumConnections,
                availableConnectionsDelegate: MaximumAvailableConnections(Self.maximumConnections, logger: logger)),
            onServerRunning: { channel in
                let bound = channel.localAddress.flatMap(ServiceAddress.init)
                onReady(bound ?? address)
            },
            eventLoopGroupProvider: .shared(eventLoopGroup),
            logger: logger)
    }

    private static func tls(_ files: TLSFiles, _ connections: HTTP1Channel.Configuration) throws(RecoveryError) -> HTTPServerBuilder {
        let context = try CurrentTLS(files) { files throws(RecoveryError) in try files.serverContext() }
        return HTTPServerBuilder { TLSConnections(base: HTTP1Channel(responder: $0, configuration: connections), context: context) }
    }

    /// The routes there are, as `GET /path/{parameter}`.
    package var routes: [String] {
        router.routes.map { "\($0.method) \($0.path)" }
    }

    private var router: Router<RecoveryRequestContext> {
        let router = Router(context: RecoveryRequestContext.self)
        router.add(middleware: ClosedConnections())
        router.add(middleware: metrics)
        if let tokens { router.add(middleware: Authentication(tokens: tokens)) }
        router.add(middleware: FailureResponses())
        router.get("/healthz") { _, _ in HTTPResponse.Status.ok }
        router.get("/readyz", use: isReady)
        router.get("/metrics", use: figures)
        router.get("/v1/openapi.json", use: openAPI)
        router.get("/v1/hosts", use: hosts)
        router.get("/v1/hosts/:hostname", use: details)
        router.delete("/v1/hosts/:hostname", use: deleteHost)
        router.delete("/v1/hosts/:hostname/clients/:client", use: declareDead)
        router.post("/v1/garbage-collection", use: collectGarbage)
        let records = router.group(RouterPath(Self.path))
        records.post(use: open)
        records.get(":hostname", use: activeClients)
        records.put(":hostname", use: activate)
        records.patch(":hostname", use: addClients)
        records.put(":hostname/:client", use: addClient)
        records.delete(":hostname/:client", use: removeClient)
        records.put(":hostname/:client/:handle", use: addRevokedFileHandle)
        return router
    }
}

extension RecoveryService {
    @Sendable private func open(_ request: Request, _ context: RecoveryRequestContext) async throws -> EditedResponse<Success> {
        let body = try await request.decode(as: VersionRequest.self, context: context)
        guard let name = body.hostname else { throw RecoveryError.malformed("the body names no hostname") }
        let hostname = try hostname(name)
        let version = try version(body.version)
        try await store.open(version, replacing: body.replaces.map { name throws(RecoveryError) in try self.version(name) }, for: hostname)
        context.logger.info("opened version \(version) of host \(hostname)")
        return EditedResponse(headers: [ClientsRequest.acceptance: ClientsRequest.mediaType], response: Success())
    }

    @Sendable private func activeClients(_ request: Request, _ context: RecoveryRequestContext) async throws -> RecoveryStatus {
        let hostname = try hostname(parameter("hostname", context))
        let clients = try await store.activeClients(of: hostname).map(\.rawValue).sorted()
        return RecoveryStatus(id: hostname.rawValue, hostname: hostname.rawValue, clients: clients)
    }

    @Sendable private func activate(_ request: Request, _ context: RecoveryRequestContext) async throws -> Success {
        let hostname = try hostname(parameter("hostname", context))
        let version = try await version(of: request, context)
        try await store.activate(version, for: hostname)
        context.logger.info("version \(version) of host \(hostname) is active")
        return Success()
    }

    @Sendable private func addClient(_ request: Request, _ context: RecoveryRequestContext) async throws -> Success {
        let hostname = try hostname(parameter("hostname", context))
        let client = try client(context)
        let version = try await version(of: request, context)
        try await store.add(client, to: version, of: hostname)
        context.logger.debug("added client '\(client)' to version \(version) of host \(hostname)")
        return Success()
    }

    /// Beyond the contract: adds many clients, whom the server would otherwise add one after another.
    @Sendable private func addClients(_ request: Request, _ context: RecoveryRequestContext) async throws -> Success {
        let hostname = try hostname(parameter("hostname", context))
        let body = try await request.decode(as: ClientsRequest.self, context: context.allowing(ClientsRequest.maximumLength))
        let version = try version(body.version)
        guard (1...ClientsRequest.maximumCount).contains(body.clients.count) else {
            throw RecoveryError.malformed("1 to \(ClientsRequest.maximumCount) clients are added at once")
        }
        let clients = try body.clients.map { name throws(RecoveryError) in try client(name) }
        try await store.add(Set(clients), to: version, of: hostname)
        context.logger.debug("added \(clients.count) clients to version \(version) of host \(hostname)")
        return Success()
    }

    @Sendable private func removeClient(_ request: Request, _ context: RecoveryRequestContext) async throws -> Success {
        let hostname = try hostname(parameter("hostname", context))
        let client = try client(context)
        try await store.remove(client, of: hostname)
        context.logger.debug("removed client '\(client)' of host \(hostname)")
        return Success()
    }

    @Sendable private func addRevokedFileHandle(_ request: Request, _ context: RecoveryRequestContext) async throws -> Success {
        let hostname = try hostname(parameter("hostname", context))
        let client = try client(context)
        guard let handle = try RevokedFileHandle(rawValue: parameter("handle", context)) else {
            throw RecoveryError.malformed("a revoked filehandle has 1 to \(RevokedFileHandle.maximumLength) characters of base64url")
        }
        let version = try await version(of: request, context)
        try await store.add(handle, of: client, to: version, of: hostname)
        context.logger.debug("recorded a revoked delegation of client '\(client)' in version \(version) of host \(hostname)")
        return Success()
    }
}

extension RecoveryService {
    /// One component of the path. The router takes the path apart before it is decoded, so that `%2F` separates nothing.
    func parameter(_ name: String, _ context: RecoveryRequestContext) throws -> String {
        let encoded = try context.parameters.require(name)
        guard encoded.utf8.contains(UInt8(ascii: "%")) else { return encoded }
        guard let decoded = encoded.removingPercentEncoding else {
            throw RecoveryError.malformed("'\(encoded)' in the path is not percent-encoded UTF-8")
        }
        return decoded
    }

    func hostname(_ name: String) throws(RecoveryError) -> ServerHostname {
        guard let hostname = ServerHostname(rawValue: name) else {
            throw .malformed("a hostname has 1 to \(ServerHostname.maximumLength) printable characters without space and slash")
        }
        return hostname
    }

    func client(_ context: RecoveryRequestContext) throws -> ClientIdentity {
        try client(parameter("client", context))
    }

    private func client(_ name: String) throws(RecoveryError) -> ClientIdentity {
        guard let client = ClientIdentity(rawValue: name) else {
            throw .malformed("a client id has 1 to \(ClientIdentity.maximumLength) printable characters without slash")
        }
        return client
    }

    private func version(_ name: String) throws(RecoveryError) -> RecoveryVersion {
        guard let version = RecoveryVersion(rawValue: name) else {
            throw .malformed("a version has eight characters, each one of 0-9 or A-Z")
        }
        return version
    }

    private func version(of request: Request, _ context: RecoveryRequestContext) async throws -> RecoveryVersion {
        try await version(request.decode(as: VersionRequest.self, context: context).version)
    }
}
