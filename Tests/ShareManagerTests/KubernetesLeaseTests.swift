import Foundation
import Hummingbird
import Logging
import ShareManager
import Synchronization
import Testing

/// An API server with one Lease, as Longhorn makes it.
private final class APIServer: Sendable {
    struct State {
        var version = 1
        var spec: [String: any Sendable] = ["leaseDurationSeconds": 1, "renewTime": "2026-01-01T00:00:00.000000Z"]
        var isThere = true
        var isSilent = false
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

    private func document(_ state: State) throws -> Response {
        let body = try JSONSerialization.data(
            withJSONObject: ["metadata": ["name": "volume", "resourceVersion": "\(state.version)"], "spec": state.spec])
        return Response(status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    private func answer(_ request: Request, _ body: Data) throws -> Response {
        try state.withLock { state in
            guard request.headers[.authorization] == "Bearer the token" else { return Response(status: .unauthorized) }
            guard !state.isSilent else { return Response(status: .internalServerError) }
            guard state.isThere else { return Response(status: .notFound) }
            state.requests.append("\(request.method) \(request.headers[.contentType] ?? "")")
            guard request.method == .patch else { return try document(state) }
            let change = try JSONSerialization.jsonObject(with: body) as? [String: [String: Any]] ?? [:]
            guard change["metadata"]?["resourceVersion"] as? String == "\(state.version)" else { return Response(status: .conflict) }
            for (key, value) in change["spec"] ?? [:] {
                if let text = value as? String { state.spec[key] = text } else if let number = value as? Int { state.spec[key] = number }
            }
            state.version += 1
            return try document(state)
        }
    }

    /// Runs `body` with the base URL of the server.
    func run(_ body: @escaping @Sendable (KubernetesAPI) async throws -> Void) async throws {
        let token = "/tmp/lease-token-\(UUID().uuidString)"
        try "the token\n".write(toFile: token, atomically: true, encoding: .utf8)
        defer { unlink(token) }
        let router = Router()
        let path: RouterPath = "/apis/coordination.k8s.io/v1/namespaces/longhorn-system/leases/volume"
        for method in [HTTPRequest.Method.get, .patch] {
            router.on(path, method: method) { request, _ in
                try self.answer(request, Data(try await request.body.collect(upTo: 1 << 20).readableBytesView))
            }
        }
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { found.yield($0.localAddress?.port ?? 0) }, logger: Logger(label: "api") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup { group in
            group.addTask { try await application.run() }
            let port = try #require(await ports.first { _ in true })
            let api = KubernetesAPI(url: "http://127.0.0.1:\(port)", tokenFile: token, authority: nil)
            let outcome = await Result { try await body(api) }
            await api.close()
            group.cancelAll()
            try outcome.get()
        }
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

@Suite("The Lease of fast failover")
struct KubernetesLeaseTests {
    private func lease(_ api: KubernetesAPI, _ holder: String = "node-1") -> KubernetesLease {
        KubernetesLease(
            "volume", in: "longhorn-system", holder: holder, api: api, interval: .milliseconds(50),
            log: Logger(label: "lease") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test("It is taken when nobody has it, and renewed with what is there left as it is")
    func taken() async throws {
        let server = APIServer()
        server.set { $0.spec["leaseDurationSeconds"] = 60 }
        try await server.run { api in
            let lease = self.lease(api)
            try await lease.take()
            #expect(server.holder() == "node-1")
            let first = try #require(server.renewTime())
            #expect(first.wholeMatch(of: /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z/) != nil)
            let keeping = Task { try await lease.keep { _ in Issue.record("it was certain all the time") } }
            // Longhorn writes there as well.
            server.set { $0.spec["leaseDurationSeconds"] = 61 }
            while server.renewTime() == first { try await Task.sleep(for: .milliseconds(10)) }
            keeping.cancel()
            _ = await keeping.result
            #expect(server.requests().contains("PATCH application/merge-patch+json"))
        }
    }

    @Test(
        "It is lost to whoever takes it, on the same node too, and to Longhorn that takes the name off",
        arguments: ["node-2", "node-1", ""])
    func lost(to holder: String) async throws {
        let server = APIServer()
        try await server.run { api in
            let lease = self.lease(api)
            try await lease.take()
            server.set {
                $0.spec["holderIdentity"] = holder
                $0.spec["leaseTransitions"] = 7
            }
            await #expect(throws: LeaseLost.self) { try await lease.keep { _ in } }
            // What was lost is not written to any more.
            #expect(server.holder() == holder)
        }
    }

    @Test("Another node's is taken when it was not renewed for as long as it lasts, and not before")
    func expired() async throws {
        let server = APIServer()
        server.set { $0.spec["holderIdentity"] = "node-2" }
        try await server.run { api in
            let began = ContinuousClock.now
            try await self.lease(api).take()
            #expect(ContinuousClock.now - began >= .seconds(1))
            #expect(server.holder() == "node-1")
        }
    }

    @Test("While the API server does not answer for that long nobody is served, and everybody again when it does")
    func uncertain() async throws {
        let server = APIServer()
        try await server.run { api in
            let lease = self.lease(api)
            try await lease.take()
            server.set { $0.isSilent = true }
            let (changes, changed) = AsyncStream.makeStream(of: Bool.self)
            let keeping = Task { try await lease.keep { changed.yield($0) } }
            var iterator = changes.makeAsyncIterator()
            #expect(await iterator.next() == true)
            server.set {
                $0.isSilent = false
                $0.version -= 1
            }
            #expect(await iterator.next() == false)
            keeping.cancel()
            _ = await keeping.result
        }
    }

    @Test("Without a Lease the volume is served all the same, as with a Longhorn that makes none")
    func absent() async throws {
        let server = APIServer()
        server.set { $0.isThere = false }
        try await server.run { api in try await self.lease(api).take() }
    }
}
