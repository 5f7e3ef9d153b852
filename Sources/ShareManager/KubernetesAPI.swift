import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

/// What a share manager asks of the API server of Kubernetes, over REST, as the service account of its pod.
package struct KubernetesAPI: Sendable {
    private let url: String
    private let tokenFile: String
    private let http: HTTPClient

    /// How long a call may take.
    static let patience = Duration.seconds(2)

    /// - Parameters:
    ///   - authority: the file of the certificates that name the API server; nil for those of the system.
    package init(url: String, tokenFile: String, authority: String?) {
        self.url = url
        self.tokenFile = tokenFile
        var configuration = HTTPClient.Configuration()
        if let authority {
            configuration.tlsConfiguration = .makeClientConfiguration()
            configuration.tlsConfiguration?.trustRoots = .file(authority)
        }
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }

    /// The API server of the cluster the process runs in a pod of.
    static func ofThisPod(_ environment: [String: String]) throws -> KubernetesAPI {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], let port = environment["KUBERNETES_SERVICE_PORT"] else {
            throw ShareError("FAST_FAILOVER takes a Lease of Kubernetes, but this is no pod of it: run it in one, or without FAST_FAILOVER")
        }
        let account = "/var/run/secrets/kubernetes.io/serviceaccount"
        return KubernetesAPI(
            url: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)", tokenFile: "\(account)/token", authority: "\(account)/ca.crt"
        )
    }

    package func close() async { try? await http.shutdown() }

    /// - Returns: nil when there is no such thing.
    func get<Value: Decodable>(_ path: String, as type: Value.Type) async throws -> Value? {
        try await call(.GET, path, body: nil)
    }

    /// Changes what `change` has of a thing (RFC 7386).
    /// - Returns: nil when there is no such thing.
    /// - Throws: `Conflict` when it is another version of it than the change is of.
    func patch<Value: Codable>(_ path: String, _ change: Value) async throws -> Value? {
        try await call(.PATCH, path, body: JSONEncoder().encode(change))
    }

    /// Somebody else changed it.
    struct Conflict: Error {}

    private func call<Value: Decodable>(_ method: HTTPMethod, _ path: String, body: Data?) async throws -> Value? {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        // Read each time: Kubernetes replaces it.
        let token = try String(contentsOfFile: tokenFile, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        request.headers.add(name: "Accept", value: "application/json")
        if let body {
            request.headers.add(name: "Content-Type", value: "application/merge-patch+json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let response = try await http.execute(request, timeout: TimeAmount(Self.patience))
        let answer = try await response.body.collect(upTo: 1 << 20)
        switch response.status {
        case .ok: return try JSONDecoder().decode(Value.self, from: Data(answer.readableBytesView))
        case .notFound: return nil
        case .conflict: throw Conflict()
        default: throw ShareError("the API server answers \(response.status) to \(method) \(path): \(String(buffer: answer).prefix(300))")
        }
    }
}
