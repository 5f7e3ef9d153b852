import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// The REST interface over a store that NFS servers of one or many hosts share.
package struct RecoveryService: Sendable {
    /// Where the contract has its resources.
    package static let path = "/v1/recoverybackend"

    private let store: any RecoveryStore

    package init(store: any RecoveryStore) {
        self.store = store
    }

    /// A server for the interface. `onReady` gets the address it listens on, once it does.
    package func application(
        listeningOn address: ServiceAddress, eventLoopGroup: any EventLoopGroup, logger: Logger,
        onReady: @escaping @Sendable (ServiceAddress) -> Void
    ) -> some ApplicationProtocol {
        // Servers talk to us one small request at a time; whoever says nothing is not one of them.
        let connections = HTTP1Channel.Configuration(
            idleTimeout: .seconds(30),
            httpDecoderConfiguration: .init(maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 32 * 1024, maxHeaderFieldCount: 64))
        return Application(
            router: router,
            server: .http1(configuration: connections),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port), serverName: nil,
                availableConnectionsDelegate: MaximumAvailableConnections(1024, logger: logger)),
            onServerRunning: { channel in
                let bound = channel.localAddress.flatMap(ServiceAddress.init)
                onReady(bound ?? address)
            },
            eventLoopGroupProvider: .shared(eventLoopGroup),
            logger: logger)
    }

    private var router: Router<RecoveryRequestContext> {
        let router = Router(context: RecoveryRequestContext.self)
        router.add(middleware: FailureResponses())
        let records = router.group(RouterPath(Self.path))
        records.post(use: open)
        records.get(":hostname", use: activeClients)
        records.put(":hostname", use: activate)
        records.put(":hostname/:client", use: addClient)
        records.delete(":hostname/:client", use: removeClient)
        records.put(":hostname/:client/:handle", use: addRevokedFileHandle)
        return router
    }
}

extension RecoveryService {
    @Sendable private func open(_ request: Request, _ context: RecoveryRequestContext) async throws -> Success {
        let body = try await request.decode(as: VersionRequest.self, context: context)
        guard let name = body.hostname else { throw RecoveryError.malformed("the body names no hostname") }
        let hostname = try hostname(name)
        let version = try version(body.version)
        try await store.open(version, for: hostname)
        context.logger.info("opened version \(version) of host \(hostname)")
        return Success()
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
        context.logger.info("added client '\(client)' to version \(version) of host \(hostname)")
        return Success()
    }

    @Sendable private func removeClient(_ request: Request, _ context: RecoveryRequestContext) async throws -> Success {
        let hostname = try hostname(parameter("hostname", context))
        let client = try client(context)
        try await store.remove(client, of: hostname)
        context.logger.info("removed client '\(client)' of host \(hostname)")
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
        context.logger.info("recorded a revoked delegation of client '\(client)' in version \(version) of host \(hostname)")
        return Success()
    }
}

extension RecoveryService {
    /// One component of the path. The router takes the path apart before it is decoded, so that `%2F` separates nothing.
    private func parameter(_ name: String, _ context: RecoveryRequestContext) throws -> String {
        let encoded = try context.parameters.require(name)
        guard let decoded = encoded.removingPercentEncoding else {
            throw RecoveryError.malformed("'\(encoded)' in the path is not percent-encoded UTF-8")
        }
        return decoded
    }

    private func hostname(_ name: String) throws(RecoveryError) -> ServerHostname {
        guard let hostname = ServerHostname(rawValue: name) else {
            throw .malformed("a hostname has 1 to \(ServerHostname.maximumLength) printable characters without space and slash")
        }
        return hostname
    }

    private func client(_ context: RecoveryRequestContext) throws -> ClientIdentity {
        guard let client = try ClientIdentity(rawValue: parameter("client", context)) else {
            throw RecoveryError.malformed("a client id has 1 to \(ClientIdentity.maximumLength) printable characters without slash")
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
