import CTirpc
import Glibc
import RPC
import Synchronization
import Testing
import Transport
import XDR

/// A program with NULL and an echo of opaque data, as a service for somebody else's client.
private final class EchoProgram: Sendable {
    static let number: UInt32 = 0x2000_0abc
    private let program = RPCProgram(number: number, versions: 2...3, procedures: 2)
    private let credentials = Mutex(CredentialCache())
    private let callers = Mutex<[AuthSys]>([])

    var seen: [AuthSys] { callers.withLock { $0 } }

    func answer(_ record: Record, _ connection: any RPCConnection, _ pool: BufferPool) {
        var writer = XDRWriter(pool: pool, startingAt: RecordMark.length, limit: 1 << 20)
        switch credentials.withLock({ RPCCall.decode(record.bytes, for: program, credentials: &$0) }) {
        case .call(let call):
            if case .sys(let caller) = call.credential { callers.withLock { $0.append(caller) } }
            let start = writer.count
            RPCReply.success.write(to: &writer, xid: call.xid)
            if call.procedure == 1, !echo(record, call, to: &writer) {
                writer.truncate(to: start)
                RPCReply.garbageArguments.write(to: &writer, xid: call.xid)
            }
        case .refused(let xid, let reply): reply.write(to: &writer, xid: xid)
        case .gss(let call): RPCReply.authError(.rejectedCredential).write(to: &writer, xid: call.xid)
        case .reply, .undecodable: return connection.close()
        }
        let (buffer, count) = writer.detach()
        connection.send(buffer, count: count)
    }

    private func echo(_ record: Record, _ call: RPCCall, to writer: inout XDRWriter) -> Bool {
        var reader = XDRReader(record.bytes, at: call.argumentsOffset)
        guard let bytes = try? reader.opaque(maximum: 500_000) else { return false }
        writer.opaque(bytes)
        return true
    }
}

/// libtirpc as the peer: an RPC implementation that shares nothing with ours.
@Suite struct LibtirpcTests {
    private let program = EchoProgram()
    private let server: Server

    init() throws {
        let program = program
        server = try Server { record, connection, pool in program.answer(record, connection, pool) }
    }

    private func withClient<Result>(
        program: UInt32 = EchoProgram.number, version: UInt32 = 3, fragment: UInt32 = 0,
        _ body: (UnsafeMutablePointer<CLIENT>) throws -> Result
    ) throws -> Result {
        let connection = try Client(server.address)
        let client = try #require(ctirpc_client(connection.socket, program, version, fragment))
        defer { ctirpc_client_destroy(client) }
        return try body(client)
    }

    @Test(arguments: [UInt32(2), 3])
    func nullIsAnswered(version: UInt32) throws {
        try withClient(version: version) { client in
            for _ in 0..<10 { #expect(ctirpc_call_void(client, 0, 20) == RPC_SUCCESS) }
        }
    }

    @Test func authSysArrives() throws {
        try withClient { client in
            let groups: [UInt32] = (100..<116).map { $0 }
            ctirpc_use_auth_sys(client, "interop-client", 1234, 567, groups, 16)
            for _ in 0..<3 { #expect(ctirpc_call_void(client, 0, 20) == RPC_SUCCESS) }
            #expect(program.seen.count == 3)
            let caller = try #require(program.seen.first)
            #expect(caller.machineName == Array("interop-client".utf8))
            #expect(caller.uid == 1234 && caller.gid == 567 && caller.groups == groups)
            #expect(program.seen.allSatisfy { $0 === caller })
        }
    }

    /// libtirpc splits what it sends at the given size, so these arrive in up to some hundred fragments.
    @Test(arguments: [(0, UInt32(0)), (1, 0), (5_000, 1000), (100_000, 1000), (400_000, 0), (500_000, 9000)])
    func opaqueDataComesBack(size: Int, fragment: UInt32) throws {
        var random = SeededGenerator(seed: UInt64(size))
        var bytes = random.bytes(size).map { CChar(bitPattern: $0) }
        try withClient(fragment: fragment) { client in
            for _ in 0..<2 {
                var result = ctirpc_opaque()
                let status = bytes.withUnsafeMutableBufferPointer {
                    ctirpc_call_opaque(client, 1, ctirpc_opaque(bytes: $0.baseAddress, length: UInt32(size)), &result, 20)
                }
                defer { free(result.bytes) }
                #expect(status == RPC_SUCCESS)
                #expect(Array(UnsafeBufferPointer(start: result.bytes, count: Int(result.length))) == bytes)
            }
        }
    }

    @Test func refusalsAreUnderstood() throws {
        var (low, high): (UInt32, UInt32) = (0, 0)
        try withClient(program: EchoProgram.number + 1) { client in
            #expect(ctirpc_call_void(client, 0, 20) == RPC_PROGUNAVAIL)
        }
        try withClient(version: 4) { client in
            #expect(ctirpc_call_void(client, 0, 20) == RPC_PROGVERSMISMATCH)
            ctirpc_mismatch(client, &low, &high)
            #expect(low == 2 && high == 3)
        }
        try withClient { client in
            #expect(ctirpc_call_void(client, 2, 20) == RPC_PROCUNAVAIL)
            // Procedure 1 has arguments, and none are sent.
            #expect(ctirpc_call_void(client, 1, 20) == RPC_CANTDECODEARGS)
            // The connection is as good as before.
            #expect(ctirpc_call_void(client, 0, 20) == RPC_SUCCESS)
        }
    }
}
