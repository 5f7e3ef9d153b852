import Foundation
import Logging
import ShareManager
import Testing

extension APIServer {
    /// Runs `body` with what asks the server, over HTTP.
    fileprivate func run(_ body: @escaping @Sendable (KubernetesAPI) async throws -> Void) async throws {
        let token = "/tmp/lease-token-\(UUID().uuidString)"
        try "the token\n".write(toFile: token, atomically: true, encoding: .utf8)
        defer { unlink(token) }
        try await run { url in
            let api = KubernetesAPI(url: "\(url)", tokenFile: token, authority: nil)
            let outcome = await Result { try await body(api) }
            await api.close()
            try outcome.get()
        }
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
