import CTirpc
import Glibc
import KerberosLab
import NFSTestClient
import Testing

/// libtirpc's RPCSEC_GSS as the peer, which shares nothing with ours but libkrb5.
@Suite("libtirpc as a client with Kerberos", .withRealm, .timeLimit(.minutes(2)))
struct LibtirpcTests {
    private static func withClient<Result>(
        _ service: Service, as user: String = "alice", _ body: (UnsafeMutablePointer<CLIENT>) throws -> Result
    ) async throws -> Result {
        let ticket = try await TestRealm.shared().ticket(of: user)
        let connection = await (try await KerberosServer.shared().socket()).release()
        defer { Glibc.close(connection) }
        let client = try #require(ctirpc_client(connection, 100_003, 4, 256 * 1024))
        defer { ctirpc_client_destroy(client) }
        #expect(ctirpc_use_kerberos(client, ticket, "nfs/localhost@\(TestRealm.name)", service.rawValue))
        return try body(client)
    }

    private static func echo(_ client: UnsafeMutablePointer<CLIENT>, _ bytes: [CChar]) -> (clnt_stat, [CChar]) {
        var (bytes, result) = (bytes, ctirpc_opaque())
        let count = UInt32(bytes.count)
        let status = bytes.withUnsafeMutableBufferPointer {
            ctirpc_call_compound(client, ctirpc_opaque(bytes: $0.baseAddress, length: count), &result, 20)
        }
        defer { free(result.bytes) }
        return (status, Array(UnsafeBufferPointer(start: result.bytes, count: Int(result.length))))
    }

    @Test("is answered", arguments: Service.allCases)
    func null(service: Service) async throws {
        try await Self.withClient(service) { client in
            for _ in 0..<20 { #expect(ctirpc_call_void(client, 0, 20) == RPC_SUCCESS) }
        }
    }

    /// libtirpc wraps a call in its buffer, of which 256 KiB is the largest.
    @Test("gets back what it sends", arguments: Service.allCases, [0, 1, 2, 3, 1000, 65_536, 250_000])
    func data(service: Service, size: Int) async throws {
        var random = SplitMix64(state: UInt64(size))
        let bytes = (0..<size).map { _ in CChar(truncatingIfNeeded: random.next() % 128) }
        try await Self.withClient(service) { client in
            for _ in 0..<2 {
                let (status, result) = Self.echo(client, bytes)
                #expect(status == RPC_SUCCESS)
                let isSame = result == bytes
                #expect(isSame, "\(result.count) bytes")
            }
        }
    }

    @Test("may change the service in one context")
    func otherService() async throws {
        try await Self.withClient(.none) { client in
            for service in Service.allCases + Service.allCases.reversed() {
                #expect(ctirpc_use_service(client, service.rawValue))
                #expect(Self.echo(client, [1, 2, 3]) == (RPC_SUCCESS, [1, 2, 3]))
            }
        }
    }

    @Test("understands refusals, and goes on in the same context", arguments: Service.allCases)
    func refusals(service: Service) async throws {
        try await Self.withClient(service) { client in
            #expect(ctirpc_call_void(client, 2, 20) == RPC_PROCUNAVAIL)
            // COMPOUND has arguments, and none are sent.
            #expect(ctirpc_call_void(client, 1, 20) == RPC_CANTDECODEARGS)
            #expect(ctirpc_call_void(client, 0, 20) == RPC_SUCCESS)
        }
    }
}
