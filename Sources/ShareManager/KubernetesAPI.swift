import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

/// What a share manager asks of the API server of Kubernetes, over REST, as the service account of its pod.
package struct KubernetesAPI: Sendable {
    private let url: String
    private let tokenFile: String
    private let authority: String?
    private let http: HTTPClient

    /// How long a call may take.
    static let patience = Duration.seconds(2)

    /// - Parameters:
    ///   - authority: the file of the certificates that name the API server; nil for those of the system.
    package init(url: String, tokenFile: String, authority: String?) {
        self.url = url
        self.tokenFile = tokenFile
        self.authority = authority
        var configuration = HTTPClient.Configuration()
        if let authority {
            configuration.tlsConfiguration = .makeClientConfiguration()
            configuration.tlsConfiguration?.trustRoots = .file(authority)
        }
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }

    /// The API server of the cluster the process runs in a pod of.
    /// - Parameter account: where Kubernetes puts what the pod's service account needs.
    package static func ofThisPod(
        _ environment: [String: String], account: String = "/var/run/secrets/kubernetes.io/serviceaccount"
    ) throws -> KubernetesAPI {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], let port = environment["KUBERNETES_SERVICE_PORT"] else {
            throw ShareError("FAST_FAILOVER takes a Lease of Kubernetes, but this is no pod of it: run it in one, or without FAST_FAILOVER")
        }
        return KubernetesAPI(
            url: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)", tokenFile: "\(account)/token", authority: "\(account)/ca.crt"
        )
    }

    package func close() async { try? await http.shutdown() }

    /// - Returns: nil when there is no such thing.
    package func get<Value: Decodable>(_ path: String, as type: Value.Type) async throws -> Value? {
        try await call(.GET, path, body: nil)
    }

    /// Changes what `change` has of a thing (RFC 7386).
    /// - Returns: nil when there is no such thing.
    /// - Throws: `Conflict` when it is another version of it than the change is of.
    package func patch<Value: Codable>(_ path: String, _ change: Value) async throws -> Value? {
        try await call(.PATCH, path, body: JSONEncoder().encode(change))
    }

    /// Somebody else changed it.
    package struct Conflict: Error {}

    private func call<Value: Decodable>(_ method: HTTPMethod, _ path: String, body: Data?) async throws -> Value? {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        request.headers.add(name: "Authorization", value: "Bearer \(try token())")
        request.headers.add(name: "Accept", value: "application/json")
        if let body {
            request.headers.add(name: "Content-Type", value: "application/merge-patch+json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let response = try await answer(to: request)
        let answer = try await response.body.collect(upTo: 1 << 20)
        switch response.status {
        case .ok: return try JSONDecoder().decode(Value.self, from: Data(answer.readableBytesView))
        case .notFound: return nil
        case .conflict: throw Conflict()
        case .unauthorized: throw ShareError("the API server does not accept the token in \(tokenFile): look whether it is of this cluster")
        case .forbidden:
            throw ShareError(
                "the API server forbids \(method) of \(path): \(Self.reason(answer)): give the service account of the pod get and patch for leases and get for pods in its namespace"
            )
        default: throw ShareError("the API server answers \(response.status) to \(method) of \(path): \(Self.reason(answer))")
        }
    }

    /// Read each time: Kubernetes replaces it.
    private func token() throws -> String {
        do {
            return try String(contentsOfFile: tokenFile, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            throw ShareError(
                "the token of the pod's service account cannot be read from \(tokenFile): let it be mounted (automountServiceAccountToken)")
        }
    }

    private func answer(to request: HTTPClientRequest) async throws -> HTTPClientResponse {
        do {
            return try await http.execute(request, timeout: TimeAmount(Self.patience))
        } catch {
            guard error is NIOSSLError || error is NIOSSLExtraError else {
                throw ShareError("the API server at \(url) does not answer: \(error)")
            }
            throw ShareError(
                "the API server at \(url) does not prove with a certificate of \(authority ?? "the system's authorities") that it is one, and gets no token: \(error)"
            )
        }
    }

    /// What an answer says of a failure, which is a Status mostly.
    private static func reason(_ answer: ByteBuffer) -> String {
        struct Status: Decodable { var message: String }
        let status = try? JSONDecoder().decode(Status.self, from: Data(answer.readableBytesView))
        return String((status?.message ?? String(buffer: answer)).prefix(300))
    }
}
