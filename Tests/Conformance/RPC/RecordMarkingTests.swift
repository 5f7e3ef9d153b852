import NFSTestClient
import Testing

@Suite("Record marking (RFC 5531 §11)", .overSocket)
struct RecordMarkingTests {
    @Test("a record may come in fragments of any size", arguments: [1, 3, 4, 7, 40])
    func fragments(_ size: Int) async throws {
        let socket = try await sharedSocketServer().socket()
        let arguments = Connection.compoundArguments([.exchangeID(.unique())])
        let call = RPCCall(xid: Connection.newXID(), arguments: arguments)
        try await socket.send(call.bytes, fragmentSize: size)
        let reply = try RPCReply(try await socket.receive())
        #expect(reply.xid == call.xid)
        #expect(try CompoundReply(reply.results).status == .ok)
    }

    @Test("an empty fragment adds nothing to its record")
    func emptyFragments() async throws {
        let socket = try await sharedSocketServer().socket()
        let call = RPCCall(xid: Connection.newXID(), procedure: 0).bytes
        var encoder = XDREncoder()
        encoder.uint32(0)
        encoder.uint32(UInt32(call.count))
        encoder.raw(call)
        encoder.uint32(0x8000_0000)
        try await socket.sendRaw(encoder.bytes)
        #expect(try RPCReply(try await socket.receive()).body == .success([]))
    }

    @Test("a record that comes byte by byte is answered")
    func slowRecord() async throws {
        let socket = try await sharedSocketServer().socket()
        let call = RPCCall(xid: Connection.newXID(), procedure: 0).bytes
        var encoder = XDREncoder()
        encoder.uint32(0x8000_0000 | UInt32(call.count))
        encoder.raw(call)
        for byte in encoder.bytes { try await socket.sendRaw([byte]) }
        #expect(try RPCReply(try await socket.receive()).body == .success([]))
    }

    @Test("a record longer than the server takes closes the connection", arguments: [0x7fff_ffff, 0xffff_ffff] as [UInt32])
    func oversizedFragment(_ mark: UInt32) async throws {
        let socket = try await sharedSocketServer().socket(timeout: 10)
        var encoder = XDREncoder()
        encoder.uint32(mark)
        encoder.raw(RPCCall(xid: 1, procedure: 0).bytes)
        try await socket.sendRaw(encoder.bytes)
        #expect(try await socket.isClosedByServer())
    }

    @Test("fragments that together are longer than the server takes close the connection")
    func oversizedSum() async throws {
        let socket = try await sharedSocketServer().socket(timeout: 10)
        var encoder = XDREncoder()
        encoder.uint32(65536)
        encoder.raw(Array(repeating: 0, count: 65536))
        let fragment = encoder.bytes
        await #expect(throws: ConnectionError.closed) {
            for _ in 0..<1024 { try await socket.sendRaw(fragment) }
        }
    }

    @Test("a call cut short gets no answer but does not harm the next connection")
    func shortCall() async throws {
        let socket = try await sharedSocketServer().socket(timeout: 10)
        try await socket.send([0, 0, 0, 1, 0, 0])
        await socket.finishSending()
        #expect(try await socket.isClosedByServer())
        #expect(try await newConnection().call(procedure: 0).body == .success([]))
    }
}
