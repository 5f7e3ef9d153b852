import Foundation
import Logging
import ShareManager
import Testing

@Suite("The API server of Kubernetes, asked as the service account of the pod", .waitsForProcesses)
struct KubernetesAPITests {
    private struct Lease: Codable {
        struct Metadata: Codable { var resourceVersion: String }
        var metadata: Metadata
    }

    private static let path = "/apis/coordination.k8s.io/v1/namespaces/longhorn-system/leases/volume"

    /// Runs `body` with what a pod with this account asks a server of that one's authority by.
    private func run(
        _ server: APIServer, on host: String = "127.0.0.1", as account: ServiceAccount, with own: ServiceAccount? = nil,
        _ body: @escaping @Sendable (KubernetesAPI) async throws -> Void
    ) async throws {
        try await server.run(on: host, as: account) { url in
            let api = try KubernetesAPI.ofThisPod(ServiceAccount.environment(url), account: (own ?? account).directory)
            let outcome = await Result { try await body(api) }
            await api.close()
            try outcome.get()
        }
    }

    private static func version(_ api: KubernetesAPI) async throws -> String? {
        try await api.get(path, as: Lease.self)?.metadata.resourceVersion
    }

    /// What a call is refused with.
    private static func complaint(_ call: () async throws -> Void) async -> String {
        do {
            try await call()
            return "it succeeded"
        } catch {
            return "\(error)"
        }
    }

    @Test("A server that the pod's ca.crt names is asked, over IPv4 and IPv6", arguments: ["127.0.0.1", "::1"])
    func authority(_ host: String) async throws {
        let account = try ServiceAccount()
        try await run(APIServer(), on: host, as: account) { api in
            let version = try await Self.version(api)
            #expect(version == "1")
            let node = try await KubernetesLease.node(of: "share-manager-volume", in: "longhorn-system", api: api)
            #expect(node == "node-1")
        }
    }

    @Test("A server of another authority is told nothing, and the complaint says which certificate it lacks")
    func otherAuthority() async throws {
        let (account, other) = (try ServiceAccount(), try ServiceAccount())
        let server = APIServer()
        try await run(server, as: account, with: other) { api in
            let complaint = await Self.complaint { _ = try await Self.version(api) }
            #expect(complaint.contains("does not prove with a certificate of \(other.directory)/ca.crt that it is one"), "\(complaint)")
        }
        #expect(server.requests().isEmpty)
    }

    @Test("A token that Kubernetes replaces is used from the next call on; one that is not accepted or not there is told")
    func token() async throws {
        let account = try ServiceAccount()
        let server = APIServer()
        try await run(server, as: account) { api in
            #expect(try await Self.version(api) == "1")
            server.set { $0.token = "another" }
            let refused = await Self.complaint { _ = try await Self.version(api) }
            #expect(refused == "the API server does not accept the token in \(account.directory)/token: look whether it is of this cluster")
            try account.setToken("another")
            #expect(try await Self.version(api) == "2")
            unlink("\(account.directory)/token")
            #expect(await Self.complaint { _ = try await Self.version(api) }.contains("let it be mounted"))
        }
    }

    @Test("A pod that is not there is named, and so is a process that is in no pod")
    func pod() async throws {
        let account = try ServiceAccount()
        try await run(APIServer(), as: account) { api in
            let complaint = await Self.complaint { _ = try await KubernetesLease.node(of: "other", in: "longhorn-system", api: api) }
            #expect(
                complaint == "there is no pod other in longhorn-system, which POD_NAME and POD_NAMESPACE say this is: correct them")
        }
        #expect(await Self.complaint { _ = try KubernetesAPI.ofThisPod([:]) }.contains("this is no pod"))
    }

    @Test("A change of a version that is not the newest is a conflict, and changes nothing")
    func conflict() async throws {
        let account = try ServiceAccount()
        try await run(APIServer(), as: account) { api in
            await #expect(throws: KubernetesAPI.Conflict.self) {
                _ = try await api.patch(Self.path, Lease(metadata: .init(resourceVersion: "0")))
            }
            let version = try await Self.version(api)
            #expect(version == "1")
            let changed = try await api.patch(Self.path, Lease(metadata: .init(resourceVersion: "1")))
            #expect(changed?.metadata.resourceVersion == "2")
        }
    }

    @Test("What the service account may not do is told with what it needs", arguments: ["get", "patch"])
    func forbidden(_ verb: String) async throws {
        let account = try ServiceAccount()
        let server = APIServer()
        server.set { $0.forbidden = verb }
        try await run(server, as: account) { api in
            let complaint = await Self.complaint {
                if verb == "get" {
                    _ = try await Self.version(api)
                } else {
                    _ = try await api.patch(Self.path, Lease(metadata: .init(resourceVersion: "2")))
                }
            }
            #expect(complaint.hasPrefix("the API server forbids \(verb.uppercased()) of \(Self.path): it is forbidden"), "\(complaint)")
            #expect(complaint.contains("cannot \(verb) resource"))
            #expect(complaint.hasSuffix("get and patch for leases and get for pods in its namespace"))
        }
    }

    @Test("A server that does not answer is told from one that may not be asked")
    func silent() async throws {
        let account = try ServiceAccount()
        let api = try KubernetesAPI.ofThisPod(
            ["KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"], account: account.directory)
        let complaint = await Self.complaint { _ = try await Self.version(api) }
        await api.close()
        #expect(complaint.hasPrefix("the API server at https://127.0.0.1:1 does not answer: "), "\(complaint)")
    }
}
