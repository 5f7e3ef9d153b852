import NFSTestClient
import Testing

@Suite("RPC (RFC 5531)")
struct RPCTests {
    @Test("NULL answers with nothing (RFC 8881 §16.1)", arguments: [Credential.none, .root])
    func null(_ credential: Credential) async throws {
        let reply = try await newConnection(credential).call(procedure: 0)
        #expect(reply.body == .success([]))
    }

    @Test("an RPC version other than 2 is RPC_MISMATCH with 2 to 2", arguments: [0, 1, 3, UInt32.max])
    func rpcMismatch(_ version: UInt32) async throws {
        let reply = try await newConnection().call(procedure: 0) { $0.rpcVersion = version }
        #expect(reply.body == .rpcMismatch(low: 2, high: 2))
    }

    @Test("another program is PROG_UNAVAIL", arguments: [0, 100_000, 100_005, UInt32.max])
    func programUnavailable(_ program: UInt32) async throws {
        let reply = try await newConnection().call(procedure: 0) { $0.program = program }
        #expect(reply.body == .progUnavail)
    }

    @Test("a version other than 4 is PROG_MISMATCH with 4 to 4", arguments: [0, 2, 3, 5, UInt32.max])
    func programMismatch(_ version: UInt32) async throws {
        let reply = try await newConnection().call(procedure: 0) { $0.version = version }
        #expect(reply.body == .progMismatch(low: 4, high: 4))
    }

    @Test("a procedure other than NULL and COMPOUND is PROC_UNAVAIL", arguments: [2, 3, UInt32.max])
    func procedureUnavailable(_ procedure: UInt32) async throws {
        let reply = try await newConnection().call(procedure: procedure)
        #expect(reply.body == .procUnavail)
    }

    @Test(
        "arguments of COMPOUND that cannot be decoded are GARBAGE_ARGS",
        arguments: [[], [0, 0], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 9, 65], [0, 0, 0, 0, 0, 0, 0, 1]] as [[UInt8]])
    func garbageArguments(_ arguments: [UInt8]) async throws {
        let reply = try await newConnection().call(arguments: arguments)
        #expect(reply.body == .garbageArgs)
    }

    @Test("several calls sent in one piece are all answered, each under its xid", .overSocket)
    func pipelined() async throws {
        let socket = try await sharedSocketServer().socket()
        let calls = (0..<100).map { _ in RPCCall(xid: Connection.newXID(), procedure: 0) }
        var encoder = XDREncoder()
        for call in calls {
            encoder.uint32(0x8000_0000 | UInt32(call.bytes.count))
            encoder.raw(call.bytes)
        }
        try await socket.sendRaw(encoder.bytes)
        var answered: Set<UInt32> = []
        for _ in calls {
            let reply = try RPCReply(try await socket.receive())
            #expect(reply.body == .success([]))
            answered.insert(reply.xid)
        }
        #expect(answered == Set(calls.map(\.xid)))
    }

    @Test("a connection goes on after each kind of refused call")
    func refusalsKeepConnection() async throws {
        let connection = try await newConnection()
        _ = try await connection.call(procedure: 0) { $0.rpcVersion = 9 }
        _ = try await connection.call(procedure: 0) { $0.program = 9 }
        _ = try await connection.call(procedure: 9)
        _ = try await connection.call(arguments: [0])
        #expect(try await connection.call(procedure: 0).body == .success([]))
    }
}
