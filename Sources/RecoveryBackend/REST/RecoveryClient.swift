import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization

/// The store behind a recovery backend's REST interface: this project's or Longhorn's.
///
/// Longhorn's backend reports hosts and versions it does not know as an internal error, which is
/// ``RecoveryError/refused(status:_:)`` here, and answers 200 when a client is added to a version it does not know.
package final class RecoveryClient: RecoveryStore {
    /// Room for a hundred thousand clients, so that an answer cannot fill the memory.
    private static let maximumAnswerLength = 16 << 20
    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    private let url: String
    private let timeout: TimeAmount
    private let token: TokenFile?
    private let tls: CurrentTLS<TLSConfiguration>
    private let http: HTTPClient
    /// Whether the backend takes many clients in one request, which Longhorn's does not.
    private let takesMany = Mutex(false)

    /// A client for the backend at `url`, for example `http://longhorn-recovery-backend:9503/v1/recoverybackend`; the path
    /// may be left out.
    /// Within `timeout` the answer to a call begins, the look-up of the name included; then it may not pause for longer. A
    /// connection that is refused fails the call at once. The first line of `tokenFile` is presented as a bearer token, and the certificate
    /// of `tls` to a backend that asks for one. Throws ``RecoveryError/malformed(_:)`` when the URL or a file is not what
    /// it has to be.
    package init(
        url: String, timeout: Duration = .seconds(5), tokenFile: String? = nil, tls: TLSFiles = TLSFiles(),
        eventLoopGroup: any EventLoopGroup = HTTPClient.defaultEventLoopGroup
    ) throws(RecoveryError) {
        guard let components = URLComponents(string: url), ["http", "https"].contains(components.scheme), components.host?.isEmpty == false,
            components.query == nil, components.fragment == nil
        else {
            throw .malformed("'\(url)' is no recovery URL: it has the form http://HOST:PORT\(RecoveryService.path)")
        }
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.url = components.path.isEmpty || components.path == "/" ? base + RecoveryService.path : base
        self.timeout = TimeAmount(timeout)
        token = try tokenFile.map { path throws(RecoveryError) in try TokenFile(path: path) }
        self.tls = try CurrentTLS(tls) { files throws(RecoveryError) in try files.clientConfiguration() }
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        // Whoever calls knows how long it may wait: a server that starts not at all for a backend that is not there.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = self.timeout
        // A deadline ends with the head of the answer.
        configuration.timeout.read = self.timeout
        http = HTTPClient(eventLoopGroup: eventLoopGroup, configuration: configuration)
    }

    package func open(
        _ version: RecoveryVersion, replacing replaced: RecoveryVersion?, for hostname: ServerHostname
    ) async throws(RecoveryError) {
        let body = VersionRequest(hostname: hostname.rawValue, version: version.rawValue, replaces: replaced?.rawValue)
        let answer = try await call(.POST, [], body, about: Subject(hostname, replaced ?? version))
        takesMany.withLock { $0 = answer.headers.first(name: ClientsRequest.acceptance.rawName) == ClientsRequest.mediaType }
    }

    package func activeClients(of hostname: ServerHostname) async throws(RecoveryError) -> Set<ClientIdentity> {
        let answer = try await call(.GET, [hostname.rawValue], about: Subject(hostname))
        guard let status = try? JSONDecoder().decode(RecoveryStatus.self, from: answer.body) else {
            throw .unavailable("\(url) answered something that is no list of clients: is this the URL of a recovery backend?")
        }
        var clients: Set<ClientIdentity> = []
        for identity in status.clients {
            // A client that is left out would lose its files without a word.
            guard let client = ClientIdentity(rawValue: identity) else {
                throw .unavailable("\(url) lists '\(identity)', which is no client id: delete it there")
            }
            clients.insert(client)
        }
        return clients
    }

    package func activate(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError) {
        let body = VersionRequest(version: version.rawValue)
        _ = try await call(.PUT, [hostname.rawValue], body, about: Subject(hostname, version))
    }

    package func add(_ clients: Set<ClientIdentity>, to version: RecoveryVersion, of hostname: ServerHostname) async throws(RecoveryError) {
        guard clients.count > 1, takesMany.withLock({ $0 }) else {
            let body = VersionRequest(version: version.rawValue)
            for client in clients {
                _ = try await call(.PUT, [hostname.rawValue, client.rawValue], body, about: Subject(hostname, version, client))
            }
            return
        }
        var remaining = clients.map(\.rawValue)[...]
        while !remaining.isEmpty {
            let body = ClientsRequest(version: version.rawValue, clients: Array(remaining.prefix(ClientsRequest.maximumCount)))
            _ = try await call(.PATCH, [hostname.rawValue], body, about: Subject(hostname, version))
            remaining = remaining.dropFirst(ClientsRequest.maximumCount)
        }
    }

    package func remove(_ client: ClientIdentity, of hostname: ServerHostname) async throws(RecoveryError) {
        _ = try await call(.DELETE, [hostname.rawValue, client.rawValue], about: Subject(hostname, nil, client))
    }

    package func add(
        _ handle: RevokedFileHandle, of client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname
    ) async throws(RecoveryError) {
        let body = VersionRequest(version: version.rawValue)
        let path = [hostname.rawValue, client.rawValue, handle.rawValue]
        _ = try await call(.PUT, path, body, about: Subject(hostname, version, client))
    }

    package func close() async {
        // It fails only when it is called twice.
        try? await http.shutdown()
    }
}

extension RecoveryClient {
    /// What a request is about, to say it in the error when the backend does not know it.
    private struct Subject {
        let hostname: ServerHostname
        let version: RecoveryVersion?
        let client: ClientIdentity?

        init(_ hostname: ServerHostname, _ version: RecoveryVersion? = nil, _ client: ClientIdentity? = nil) {
            self.hostname = hostname
            self.version = version
            self.client = client
        }
    }

    /// Does one request and returns the answer when its status is 200.
    private func call(
        _ method: HTTPMethod, _ path: [String], _ body: (any Encodable)? = nil, about subject: Subject
    ) async throws(RecoveryError) -> (headers: HTTPHeaders, body: Data) {
        let response: HTTPClientResponse
        let answer: Data
        do {
            let deadline = NIODeadline.now() + timeout
            response = try await http.execute(request(method, path, body), deadline: deadline)
            answer = Data(try await response.body.collect(upTo: Self.maximumAnswerLength).readableBytesView)
        } catch {
            throw .unavailable("the recovery backend at \(url) did not answer: \(Self.reason(error)): is it running and reachable?")
        }
        guard response.status == .ok else { throw Self.failure(response.status, answer, about: subject) }
        return (response.headers, answer)
    }

    private func request(_ method: HTTPMethod, _ path: [String], _ body: (any Encodable)?) throws -> HTTPClientRequest {
        let encoded = path.map { "/" + ($0.addingPercentEncoding(withAllowedCharacters: Self.unreserved) ?? "") }
        var request = HTTPClientRequest(url: url + encoded.joined())
        request.method = method
        request.tlsConfiguration = tls.value
        request.headers = ["Accept": "application/json", "Connection": "close"]
        if let token = token?.first { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json; charset=utf-8")
            request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
        }
        return request
    }

    private static func failure(_ status: HTTPResponseStatus, _ answer: Data, about subject: Subject) -> RecoveryError {
        guard status != .unauthorized else {
            return .refused(status: status.code, "it does not accept our bearer token: is it one of those in its token file?")
        }
        guard let failure = try? JSONDecoder().decode(Failure.self, from: answer) else {
            return .refused(status: status.code, status.reasonPhrase)
        }
        return switch (Failure.Code(rawValue: failure.code), subject.version, subject.client) {
        case (.unknownHost, _, _): .unknownHost(subject.hostname)
        case (.unknownVersion, let version?, _): .unknownVersion(version, subject.hostname)
        case (.superseded, let version?, _): .superseded(version, subject.hostname)
        case (.unknownClient, let version?, let client?): .unknownClient(client, version, subject.hostname)
        case (.malformed, _, _): .malformed(failure.message)
        case (.full, _, _): .full(failure.message)
        case (.unavailable, _, _): .unavailable(failure.message)
        default: .refused(status: status.code, failure.message)
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error as? HTTPClientError {
        case .some(.deadlineExceeded), .some(.connectTimeout), .some(.readTimeout): "no answer in time"
        case .some(.remoteConnectionClosed): "it closed the connection"
        default: "\(error)"
        }
    }
}
