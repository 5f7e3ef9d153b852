import NFSTestClient
import Testing

/// SEQ4_STATUS_* (RFC 8881 §18.46.2).
enum SequenceFlags {
    static let callbackPathDown: UInt32 = 0x1
    static let callbackPathDownSession: UInt32 = 0x200
    static let backChannelDown = callbackPathDown | callbackPathDownSession
}

/// What can be seen of a back channel without anything to be called for; calls with a purpose are tested in NFSServerTests.
@Suite("Back channel (RFC 8881 §2.10.3.1, §2.10.8.2, §18.46.3)")
struct BackChannelTests {
    @Test("the first connection of a back channel is tried out by CB_NULL, with program and version as §18.36.3 says")
    func probe() async throws {
        let service = CallbackService()
        let session = try await newSession(calledBy: service)
        #expect(session.created.flags == Operation.createSessionBackChannel)
        let call = try await service.calls(1)[0]
        #expect(call.procedure == 0)
        #expect(call.program == Operation.callbackProgram)
        #expect(call.version == 4)
        #expect(try await session.compound().sequence.flags == 0)
    }

    @Test(
        "calls carry the first credential the client offered that can be used, as it was offered",
        arguments: [
            ([.none], .none), ([.sys(uid: 7, gid: 8)], .sys(uid: 7, gid: 8)), ([.none, .sys(uid: 7, gid: 8)], .none),
            ([.sys(uid: 7, gid: 8), .none], .sys(uid: 7, gid: 8)),
        ] as [([Operation.CallbackSecurity], Credential)])
    func credential(_ offered: [Operation.CallbackSecurity], _ expected: Credential) async throws {
        let service = CallbackService()
        let session = try await newSession(calledBy: service, offered)
        #expect(try await service.calls(1)[0].credential == expected)
        await session.connection.close()
    }

    @Test("without a credential nobody is called until BACKCHANNEL_CTL brings one")
    func noCredential() async throws {
        let service = CallbackService()
        let session = try await newSession(calledBy: service, [])
        #expect(session.created.flags == Operation.createSessionBackChannel)
        #expect(try await session.compound().sequence.flags == 0)
        #expect(service.calls.isEmpty)
        try await session.run(.backchannelCtl(security: [.sys(uid: 1, gid: 1)]))
        #expect(try await service.calls(1)[0].credential == .sys(uid: 1, gid: 1))
        await session.connection.close()
    }

    @Test("a client that did not ask for a back channel is neither called nor told that it has none")
    func notAskedFor() async throws {
        let service = CallbackService()
        let session = try await TestSession.establish(over: try await sharedServer().connect(answering: service))
        let other = Connection(try await sharedServer().connect(answering: service))
        _ = try await other.compound(.bindConnToSession(session.id, direction: 1)).succeeded()
        for _ in 0..<5 { #expect(try await session.compound().sequence.flags == 0) }
        #expect(service.calls.isEmpty)
    }

    @Test("a connection bound later is the back channel of a session made without one")
    func boundLater() async throws {
        let service = CallbackService()
        let session = try await newSession()
        let connection = Connection(try await sharedServer().connect(answering: service))
        _ = try await connection.compound(.bindConnToSession(session.id, direction: 2)).succeeded()
        #expect(try await service.calls(1)[0].procedure == 0)
        #expect(try await session.compound().sequence.flags == 0)
        await connection.close()
    }

    @Test("a back channel that loses its last connection is down until it has another one (§2.10.13.2.4)")
    func lost() async throws {
        let service = CallbackService()
        let session = try await newSession(calledBy: service)
        _ = try await service.calls(1)
        let (spare, fore) = (try await newConnection(), try await newConnection())
        let second = Connection(try await sharedServer().connect(answering: service))
        _ = try await second.compound(.bindConnToSession(session.id, direction: 2)).succeeded()
        await session.connection.close()
        for _ in 0..<5 { #expect(try await session.compound(over: fore).sequence.flags == 0) }
        await second.close()
        try await eventually("flags that say so") {
            try await session.compound(over: fore).sequence.flags == SequenceFlags.backChannelDown
        }
        // Another connection for requests does not help, one for calls does.
        #expect(try await session.compound(over: spare).sequence.flags == SequenceFlags.backChannelDown)
        let third = Connection(try await sharedServer().connect(answering: service))
        _ = try await third.compound(.bindConnToSession(session.id, direction: 3)).succeeded()
        #expect(try await session.compound(over: fore).sequence.flags == 0)
        #expect(try await service.calls(2).map(\.connection) == [0, 2])
        await third.close()
    }

    @Test("one session without its back channel is down, the client is not as long as another session has one")
    func oneOfTwo() async throws {
        let service = CallbackService()
        let first = try await newSession(calledBy: service)
        let fore = try await newConnection()
        let connection = Connection(try await sharedServer().connect(answering: service))
        let create = Operation.createSession(
            clientID: first.clientID, sequence: first.nextCreateSequence, flags: Operation.createSessionBackChannel)
        let second = try await connection.compound(create).succeeded().session
        _ = try await service.calls(2)
        await first.connection.close()
        try await eventually("flags that say so") {
            try await first.compound(over: fore).sequence.flags == SequenceFlags.callbackPathDownSession
        }
        #expect(try await connection.compound(.sequence(second.id, sequence: 1)).sequence.flags == 0)
        await connection.close()
        try await eventually("flags that say more") {
            try await first.compound(over: fore).sequence.flags == SequenceFlags.backChannelDown
        }
        #expect(try await fore.compound(.sequence(second.id, sequence: 2)).sequence.flags == SequenceFlags.backChannelDown)
        // The session whose back channel is lost goes, and with it the loss.
        let third = Operation.createSession(clientID: first.clientID, sequence: first.nextCreateSequence &+ 1)
        let plain = try await fore.compound(third).succeeded().session
        #expect(try await fore.compound(.sequence(plain.id, sequence: 1)).sequence.flags == SequenceFlags.callbackPathDown)
        #expect(try await fore.compound(.destroySession(second.id)).status == .ok)
        #expect(try await fore.compound(.destroySession(first.id)).status == .ok)
        #expect(try await fore.compound(.sequence(plain.id, sequence: 2)).sequence.flags == 0)
    }

    @Test("a client that refuses calls has no back channel")
    func refused() async throws {
        let service = CallbackService { _, _ in .message(CallbackService.programUnavailable) }
        let session = try await newSession(calledBy: service)
        try await eventually("flags that say so") { try await session.compound().sequence.flags == SequenceFlags.backChannelDown }
        #expect(service.calls.count == 1)
        // Bound once more it is tried once more.
        _ = try await session.connection.compound(.bindConnToSession(session.id, direction: 3)).succeeded()
        _ = try await service.calls(2)
        await session.connection.close()
    }

    @Test("a client that closes the connection instead of answering goes on over another one")
    func hangUp() async throws {
        let service = CallbackService { _, number in number == 0 ? .hangUp : .properly }
        let session = try await newSession(calledBy: service)
        let other = Connection(try await sharedServer().connect(answering: service))
        try await eventually("flags that say so") {
            try await session.compound(over: other).sequence.flags == SequenceFlags.backChannelDown
        }
        _ = try await other.compound(.bindConnToSession(session.id, direction: 3)).succeeded()
        _ = try await service.calls(2)
        #expect(try await session.compound(over: other).sequence.flags == 0)
    }

    @Test("a retried CREATE_SESSION makes its connection the back channel")
    func retriedCreateSession() async throws {
        let service = CallbackService()
        let connection = try await newConnection()
        let client = try await connection.compound(.exchangeID(.unique())).succeeded().exchangeID
        let create = Operation.createSession(
            clientID: client.clientID, sequence: client.sequence, flags: Operation.createSessionBackChannel)
        let session = try await connection.compound(create).succeeded().session
        await connection.close()
        let other = Connection(try await sharedServer().connect(answering: service))
        #expect(try await other.compound(create).succeeded().session == session)
        _ = try await service.calls(1)
        #expect(try await other.compound(.sequence(session.id, sequence: 1)).sequence.flags == 0)
    }
}
