import Foundation
import Hummingbird
import HummingbirdTLS
import Logging
import NIOSSL
import ShareManager
import Synchronization
import Testing

/// An API server with one Lease, as Longhorn makes it, and one pod.
final class APIServer: Sendable {
    struct State {
        var version = 1
        var spec: [String: any Sendable] = ["leaseDurationSeconds": 1, "renewTime": "2026-01-01T00:00:00.000000Z"]
        var isThere = true
        var isSilent = false
        /// What is accepted.
        var token = "the token"
        /// What is forbidden, such as `patch`.
        var forbidden: String?
        /// What was asked, such as `PATCH application/merge-patch+json`.
        var requests: [String] = []
    }
    private let state = Mutex(State())

    func set(_ change: @Sendable (inout State) -> Void) {
        state.withLock {
            change(&$0)
            $0.version += 1
        }
    }

    func holder() -> String? { state.withLock { $0.spec["holderIdentity"] as? String } }
    func renewTime() -> String? { state.withLock { $0.spec["renewTime"] as? String } }
    func requests() -> [String] { state.withLock { $0.requests } }

    private static func json(_ object: [String: Any], status: HTTPResponse.Status = .ok) throws -> Response {
        let body = ByteBuffer(bytes: try JSONSerialization.data(withJSONObject: object))
        return Response(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: body))
    }

    private static func document(_ state: State) throws -> Response {
        try json(["metadata": ["name": "volume", "resourceVersion": "\(state.version)"], "spec": state.spec])
    }

    /// What stands in the way of answering anything.
    private static func refusal(_ state: State, _ request: Request) throws -> Response? {
        guard request.headers[.authorization] == "Bearer \(state.token)" else { return Response(status: .unauthorized) }
        guard !state.isSilent else { return Response(status: .internalServerError) }
        guard let forbidden = state.forbidden, forbidden == request.method.rawValue.lowercased() else { return nil }
        let message = "it is forbidden: User \"system:serviceaccount:longhorn-system:default\" cannot \(forbidden) resource"
        return try json(["kind": "Status", "message": message, "code": 403], status: .forbidden)
    }

    private func lease(_ request: Request, _ body: Data) throws -> Response {
        try state.withLock { state in
            if let refusal = try Self.refusal(state, request) { return refusal }
            guard state.isThere else { return Response(status: .notFound) }
            state.requests.append("\(request.method) \(request.headers[.contentType] ?? "")")
            guard request.method == .patch else { return try Self.document(state) }
            let change = try JSONSerialization.jsonObject(with: body) as? [String: [String: Any]] ?? [:]
            guard change["metadata"]?["resourceVersion"] as? String == "\(state.version)" else { return Response(status: .conflict) }
            for (key, value) in change["spec"] ?? [:] {
                if let text = value as? String { state.spec[key] = text } else if let number = value as? Int { state.spec[key] = number }
            }
            state.version += 1
            return try Self.document(state)
        }
    }

    /// Runs `body` with the URL of the server.
    /// - Parameter account: has its certificate; nil for one without TLS.
    func run(on host: String = "127.0.0.1", as account: ServiceAccount? = nil, _ body: @escaping @Sendable (URL) async throws -> Void)
        async throws
    {
        let router = Router()
        for method in [HTTPRequest.Method.get, .patch] {
            router.on("/apis/coordination.k8s.io/v1/namespaces/longhorn-system/leases/volume", method: method) { request, _ in
                try self.lease(request, Data(try await request.body.collect(upTo: 1 << 20).readableBytesView))
            }
        }
        router.get("/api/v1/namespaces/longhorn-system/pods/share-manager-volume") { request, _ in
            let refusal = try self.state.withLock { try Self.refusal($0, request) }
            return try refusal ?? Self.json(["spec": ["nodeName": "node-1"]])
        }
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router,
            server: try account.map { try .tls(.http1(), tlsConfiguration: $0.serverConfiguration()) } ?? .http1(),
            configuration: .init(address: .hostname(host, port: 0)),
            onServerRunning: { found.yield($0.localAddress?.port ?? 0) }, logger: Logger(label: "api") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup { group in
            group.addTask { try await application.run() }
            let port = try #require(await ports.first { _ in true })
            let scheme = account == nil ? "http" : "https"
            let url = try #require(URL(string: "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)"))
            let outcome = await Result { try await body(url) }
            group.cancelAll()
            try outcome.get()
        }
    }
}

extension Result where Failure == any Error {
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// What Kubernetes puts into a pod for its service account, and beside it the certificate of the API server it leads to.
final class ServiceAccount: Sendable {
    let directory: String

    init() throws {
        directory = "/tmp/service-account-\(UUID().uuidString)"
        try Machine.run("mkdir \(directory)")
        try setToken("the token")
        let new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        try Machine.run("\(new) -subj /CN=authority -keyout \(directory)/ca.key -out \(directory)/ca.crt 2>&1")
        try Machine.run(
            "\(new) -subj /CN=kube-apiserver -keyout \(directory)/server.key -out \(directory)/server.crt -CA \(directory)/ca.crt -CAkey \(directory)/ca.key -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1,IP:::1 2>&1"
        )
    }

    deinit { _ = try? Machine.run("rm -rf \(directory)") }

    func setToken(_ token: String) throws { try "\(token)\n".write(toFile: "\(directory)/token", atomically: true, encoding: .utf8) }

    fileprivate func serverConfiguration() throws -> TLSConfiguration {
        .makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile("\(directory)/server.crt").map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: "\(directory)/server.key", format: .pem)))
    }

    /// The environment Kubernetes gives to a pod, with the API server at `url`.
    static func environment(_ url: URL) -> [String: String] {
        ["KUBERNETES_SERVICE_HOST": url.host() ?? "", "KUBERNETES_SERVICE_PORT": "\(url.port ?? 0)"]
    }
}
