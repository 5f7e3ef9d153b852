import KerberosLab
import NFSTestClient
import Testing

@Suite("Making contexts (RFC 2203 §5.2)", .withRealm, .timeLimit(.minutes(2)))
struct ContextTests {
    private static let noContext: UInt32 = 8 << 16
    private static let defectiveToken: UInt32 = 9 << 16

    /// The answer to a token, or to other arguments.
    private static func answer(
        _ arguments: [UInt8], procedure: UInt32 = ControlProcedure.initialize, handle: [UInt8] = [],
        change: (inout RPCCall) -> Void = { _ in }
    ) async throws -> CheckedReply {
        var call = RPCCall(
            xid: Connection.newXID(), procedure: 0, credential: ClientContext.credential(procedure, 77, .none, handle), arguments: arguments
        )
        change(&call)
        return try CheckedReply(try await KerberosServer.shared().socket().exchange(call.bytes))
    }

    private static func token(_ bytes: [UInt8]) -> [UInt8] {
        var encoder = XDREncoder()
        encoder.opaque(bytes)
        return encoder.bytes
    }

    /// A token as a client sends it.
    private static func goodToken() async throws -> [UInt8] {
        let ticket = try await TestRealm.shared().ticket(of: "alice")
        return try ClientContext.firstToken(ticket: ticket)
    }

    private static func refused(_ reply: CheckedReply) throws -> UInt32 {
        let result = try ContextReply(reply)
        #expect(reply.flavor == 0 && reply.verifier.isEmpty)
        #expect(result.handle.isEmpty && result.token.isEmpty && result.window == 0)
        return result.major
    }

    @Test("takes one call with Kerberos, and gives a handle of its own to each")
    func handles() async throws {
        let (one, other) = (try await KerberosClient(), try await KerberosClient("bob"))
        #expect(one.context.handle.count == 8 && one.context.handle != other.context.handle)
        #expect(one.context.window == 1024)
        #expect(try await one.isServed())
        #expect(try await other.isServed())
    }

    @Test("goes on with CONTINUE_INIT where a client wants to send another token")
    func continuation() async throws {
        let client = try await KerberosClient(flags: ClientContext.dceStyle)
        #expect(try await client.isServed(.none))
        #expect(try await client.isServed(.integrity))
    }

    @Test("gives no handle for a token that is cut short, spoiled or none at all")
    func spoiledTokens() async throws {
        let good = try await Self.goodToken()
        for count in [0, 1, 2, 16, 17, 40, good.count / 2, good.count - 1] {
            #expect(try Self.refused(try await Self.answer(Self.token(Array(good.prefix(count))))) != 0)
        }
        var random = SplitMix64(state: 3)
        for _ in 0..<40 {
            var bytes = good
            bytes[Int(random.next() % UInt64(bytes.count))] ^= UInt8(1 << (random.next() % 8))
            let reply = try await Self.answer(Self.token(bytes))
            // Some bits say nothing.
            if try ContextReply(reply).handle.isEmpty { #expect(try Self.refused(reply) != 0) }
        }
        for _ in 0..<40 {
            let bytes = (0..<Int(random.next() % 2000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            #expect(try Self.refused(try await Self.answer(Self.token(bytes))) != 0)
        }
        #expect(try Self.refused(try await Self.answer(Self.token([UInt8](repeating: 0x60, count: 64 * 1024)))) == Self.defectiveToken)
    }

    @Test("answers a call without a token, or with one that is too long, with GARBAGE_ARGS")
    func noToken() async throws {
        for arguments in [[], [0, 0], [0, 0, 1, 0], Self.token([1]) + [0, 0, 0, 0], Self.token([UInt8](repeating: 1, count: 65537))] {
            let reply = try await Self.answer(arguments)
            #expect(reply.body == .garbageArgs && reply.flavor == 0)
        }
    }

    @Test("takes an old token again for a context that is of no use to whoever sends it")
    func replayedToken() async throws {
        let good = Self.token(try await Self.goodToken())
        let (one, other) = (try ContextReply(try await Self.answer(good)), try ContextReply(try await Self.answer(good)))
        #expect(one.major == 0 && other.major == 0 && one.handle != other.handle)
    }

    @Test("goes on only with what was begun", arguments: [[0, 0, 0, 0, 0, 0, 0, 1], [1], [UInt8](repeating: 7, count: 300)] as [[UInt8]])
    func unknownContinuation(handle: [UInt8]) async throws {
        let reply = try await Self.answer(Self.token([1, 2, 3]), procedure: ControlProcedure.continueInitialize, handle: handle)
        #expect(try Self.refused(reply) == Self.noContext)
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let answer: RPCReply.Body
        let change: @Sendable (inout RPCCall) -> Void
    }

    private static let cases: [Case] = [
        Case(testDescription: "version 2", answer: .authError(AuthError.rejectedCredential)) {
            $0.credential = ClientContext.credential(ControlProcedure.initialize, 0, .none, [], version: 2)
        },
        Case(testDescription: "version 0, going on", answer: .authError(AuthError.rejectedCredential)) {
            $0.credential = ClientContext.credential(ControlProcedure.continueInitialize, 0, .none, [1], version: 0)
        },
        Case(testDescription: "version 2 of a data call", answer: .authError(AuthError.badCredential)) {
            $0.credential = ClientContext.credential(ControlProcedure.data, 0, .none, [], version: 2)
        },
        Case(testDescription: "a handle in front", answer: .authError(AuthError.badCredential)) {
            $0.credential = ClientContext.credential(ControlProcedure.initialize, 0, .none, [1, 2, 3, 4, 5, 6, 7, 8])
        },
        Case(testDescription: "going on without a handle", answer: .authError(AuthError.badCredential)) {
            $0.credential = ClientContext.credential(ControlProcedure.continueInitialize, 0, .none, [])
        },
        Case(testDescription: "an unknown control procedure", answer: .authError(AuthError.badCredential)) {
            $0.credential = ClientContext.credential(4, 0, .none, [])
        },
        Case(testDescription: "with COMPOUND", answer: .authError(AuthError.badCredential)) { $0.procedure = 1 },
        Case(testDescription: "with a verifier", answer: .authError(AuthError.badVerifier)) {
            $0.verifier = Credential(flavor: 0, body: [0, 0, 0, 0])
        },
        Case(testDescription: "with a verifier of RPCSEC_GSS", answer: .authError(AuthError.badVerifier)) {
            $0.verifier = Credential(flavor: 6, body: [])
        },
        Case(testDescription: "of another program", answer: .progUnavail) { $0.program = 100_005 },
        Case(testDescription: "of version 3", answer: .progMismatch(low: 4, high: 4)) { $0.version = 3 },
    ]

    @Test("refuses calls that make none", arguments: cases)
    func refusals(_ refused: Case) async throws {
        let reply = try await Self.answer(Self.token([1]), change: refused.change)
        #expect(reply.body == refused.answer && reply.flavor == 0)
    }

    @Test("does not look at the number and the service of a call that makes one")
    func ignoredFields() async throws {
        let token = Self.token(try await Self.goodToken())
        let reply = try await Self.answer(token) {
            var body = XDREncoder()
            for word in [1, ControlProcedure.initialize, .max, .max, 0] { body.uint32(word) }
            $0.credential = Credential(flavor: ClientContext.flavor, body: body.bytes)
        }
        #expect(try ContextReply(reply).major == 0)
    }

    @Test("ends with DESTROY, which is answered as other calls are", arguments: Service.allCases)
    func destruction(service: Service) async throws {
        let client = try await KerberosClient()
        let sequence = client.context.nextSequence()
        let call = try client.context.protect(
            KerberosClient.call(), service, sequence: sequence, procedure: ControlProcedure.destroy)
        #expect(try client.context.open(try await client.reply(to: call), service, sequence: sequence) == .success([]))
        let next = try await client.reply(to: try client.protected(service).call)
        #expect(next.body == .authError(AuthError.gssCredentialProblem))
    }

    @Test("does not end with a DESTROY that somebody else sends")
    func forgedDestruction() async throws {
        let client = try await KerberosClient()
        var call = try client.context.protect(
            KerberosClient.call(), .none, sequence: client.context.nextSequence(), procedure: ControlProcedure.destroy)
        call.verifier.body[20] ^= 1
        #expect(try await client.reply(to: call).body == .authError(AuthError.gssCredentialProblem))
        #expect(try await client.isServed())
    }
}
