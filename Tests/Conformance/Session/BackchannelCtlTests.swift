import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "BACKCHANNEL_CTL (RFC 8881 §18.33)",
    .covers(.backchannelCtl))
struct BackchannelCtlTests {
    @Test(
        "a session without a back channel may say what it will want",
        arguments: [[], [.none], [.none, .sys(uid: 1, gid: 1)]] as [[Operation.CallbackSecurity]])
    func withoutBackChannel(_ security: [Operation.CallbackSecurity]) async throws {
        #expect(try await newSession().compound(.backchannelCtl(security: security)).outcome == Outcome(.backchannelCtl, .ok))
    }

    @Test("the next calls use the new program and the new credential")
    func change() async throws {
        let service = CallbackService()
        let session = try await newSession(calledBy: service, [.none])
        let first = try await service.calls(1)[0]
        #expect(first.program == Operation.callbackProgram)
        #expect(first.credential == .none)
        try await session.run(.backchannelCtl(program: 0x4000_0007, security: [.sys(uid: 12, gid: 34)]))
        let second = try await service.calls(2)[1]
        #expect(second.program == 0x4000_0007)
        #expect(second.credential == .sys(uid: 12, gid: 34))
        await session.connection.close()
    }

    @Test("a back channel that was refused is tried again")
    func triedAgain() async throws {
        let service = CallbackService { call, _ in call.program == 5 ? .properly : .message(CallbackService.programUnavailable) }
        let session = try await newSession(calledBy: service)
        try await eventually("flags that say so") { try await session.compound().sequence.flags == SequenceFlags.backChannelDown }
        try await session.run(.backchannelCtl(program: 5))
        try await eventually("flags that say no more") { try await session.compound().sequence.flags == 0 }
        #expect(try await service.calls(2).map(\.program) == [Operation.callbackProgram, 5])
        #expect(try await session.compound().sequence.flags == 0)
    }

    @Test("an RPCSEC_GSS handle the server has not made is NOENT, and changes nothing")
    func unknownHandle() async throws {
        let service = CallbackService()
        let session = try await newSession(calledBy: service, [.sys(uid: 1, gid: 2)])
        _ = try await service.calls(1)
        let reply = try await session.compound(.backchannelCtl(program: 5, security: [.none, .gss(handle: [1, 2, 3, 4])]))
        #expect(reply.outcome == Outcome(.backchannelCtl, .noEnt))
        // No credential is as good as the one there was.
        try await session.run(.backchannelCtl(program: 6, security: []))
        _ = try await service.calls(2)
        #expect(service.calls.map(\.program) == [Operation.callbackProgram, 6])
        #expect(service.calls[1].credential == .sys(uid: 1, gid: 2))
        await session.connection.close()
    }

    @Test("a longer list than a client has use for, and a handle that no call can carry, are INVAL")
    func bounds() async throws {
        let session = try await newSession()
        for security in [
            Array(repeating: .none, count: 65), [.none, .gss(handle: [1, 2, 3, 4], clientHandle: [])],
            [.gss(handle: [1, 2, 3, 4], clientHandle: [UInt8](repeating: 0, count: 381))],
        ] as [[Operation.CallbackSecurity]] {
            #expect(try await session.compound(.backchannelCtl(security: security)).outcome == Outcome(.backchannelCtl, .inval))
        }
        #expect(try await session.compound(.backchannelCtl(security: Array(repeating: .none, count: 64))).status == .ok)
    }

    @Test("a security flavour that may not stand there is BADXDR")
    func undefinedFlavor() async throws {
        #expect(try await newSession().compound(.backchannelCtl(security: [.undefined])).outcome == Outcome(.backchannelCtl, .badXDR))
    }
}
