import KerberosLab
import NFSTestClient
import Testing

@Suite("Calls in a context (RFC 2203 §5.3)", .withRealm, .timeLimit(.minutes(2)))
struct ProtectedCallTests {
    @Test("are answered with a verifier, and protected as they are", arguments: Service.allCases, [UInt32(0), 1])
    func served(service: Service, procedure: UInt32) async throws {
        let client = try await KerberosClient()
        for _ in 0..<3 {
            let (call, sequence) = try client.protected(service, procedure: procedure)
            let body = try client.context.open(try await client.reply(to: call), service, sequence: sequence)
            guard case .success(let results) = body else {
                Issue.record("\(body)")
                return
            }
            if procedure == 1 { #expect(try CompoundReply(results).tag == Array("a tag".utf8)) } else { #expect(results.isEmpty) }
        }
    }

    @Test("carry data of every size", arguments: Service.allCases, [0, 1, 2, 3, 4096, 131_050, 1 << 20])
    func data(service: Service, size: Int) async throws {
        let client = try await KerberosClient()
        let server = try await KerberosServer.shared()
        let session = try await TestSession.establish(over: client.exchange(service))
        let directory = try await server.newDirectory(session)
        var random = SplitMix64(state: UInt64(size))
        let data = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let file = try await session.makeFile(directory, "data", data)
        let read = try await session.read(file, count: UInt32(size))
        // Comparing them in the expectation would take minutes to say where they differ.
        let isSame = read == data
        #expect(isSame, "\(read.count) bytes")
    }

    @Test("may change the service from one to the next, and use several connections")
    func manyWays() async throws {
        let client = try await KerberosClient()
        for service in Service.allCases + Service.allCases.reversed() { #expect(try await client.isServed(service)) }
        let other = try await KerberosServer.shared().socket()
        let reply = try await Connection(KerberosExchange(other, client.context, .privacy)).call(procedure: 0)
        #expect(reply.body == .success([]))
    }

    @Test("may come over many connections at once in one context", arguments: Service.allCases)
    func atOnce(service: Service) async throws {
        let client = try await KerberosClient()
        let server = try await KerberosServer.shared()
        try await withThrowingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    let connection = Connection(KerberosExchange(try await server.socket(), client.context, service))
                    for round in 0..<40 {
                        // Every fourth is long enough to be protected on a thread of its own.
                        let tag = [UInt8](repeating: 7, count: round % 4 == 0 ? 100_000 : 40_000)
                        let isSame = try await connection.compound([], tag: tag).tag == tag
                        #expect(isSame)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("work with the cipher of old realms too", arguments: Service.allCases)
    func oldCipher(service: Service) async throws {
        let client = try await KerberosClient(service: "nfs/legacy")
        for procedure in [0, 1, 1] as [UInt32] {
            let (call, sequence) = try client.protected(service, procedure: procedure)
            _ = try client.context.open(try await client.reply(to: call), service, sequence: sequence)
        }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let service: Service
        let answer: RPCReply.Body
        /// Spoils a good call.
        let change: @Sendable (inout RPCCall, ClientContext) throws -> Void

        init(
            _ description: String, _ service: Service, _ answer: RPCReply.Body,
            change: @escaping @Sendable (inout RPCCall, ClientContext) throws -> Void
        ) {
            testDescription = description
            self.service = service
            self.answer = answer
            self.change = change
        }
    }

    /// Puts another credential into a call, and a verifier of the same context behind it.
    private static func sign(_ call: inout RPCCall, _ context: ClientContext, _ credential: Credential) throws {
        call.credential = credential
        call.verifier.body = try context.checksum(of: call.header)
    }

    private static func arguments(_ parts: [UInt8]...) -> [UInt8] {
        var encoder = XDREncoder()
        for part in parts { encoder.opaque(part) }
        return encoder.bytes
    }

    private static let problem = RPCReply.Body.authError(AuthError.gssCredentialProblem)

    private static let headers: [Case] = [
        Case("a spoiled checksum", .none, problem) { call, _ in call.verifier.body[call.verifier.body.count - 1] ^= 1 },
        Case("a checksum cut short", .none, problem) { call, _ in call.verifier.body.removeLast() },
        Case("no checksum", .none, problem) { call, _ in call.verifier.body = [] },
        Case("a checksum of 400 zeros", .none, problem) { call, _ in call.verifier.body = [UInt8](repeating: 0, count: 400) },
        Case("another xid", .none, problem) { call, _ in call.xid &+= 1 },
        Case("another procedure", .none, problem) { call, _ in call.procedure = 0 },
        Case("another number", .none, problem) { call, context in
            call.credential = ClientContext.credential(ControlProcedure.data, context.nextSequence(), .none, context.handle)
        },
        Case("another service", .none, problem) { call, _ in call.credential.body[15] = 2 },
        Case("an unknown handle", .none, problem) { call, _ in call.credential.body[20] ^= 1 },
        Case("a handle of another length", .none, problem) { call, context in
            try sign(&call, context, ClientContext.credential(ControlProcedure.data, context.nextSequence(), .none, [1, 2, 3, 4]))
        },
        Case("no handle", .none, problem) { call, context in
            try sign(&call, context, ClientContext.credential(ControlProcedure.data, context.nextSequence(), .none, []))
        },
        Case("the service 0", .none, .authError(AuthError.badCredential)) { call, _ in call.credential.body[15] = 0 },
        Case("the service 4", .none, .authError(AuthError.badCredential)) { call, _ in call.credential.body[15] = 4 },
        // RPCSEC_GSS version 2 (RFC 5403): the context was made in version 1.
        Case("version 2", .none, .authError(AuthError.badCredential)) { call, context in
            try sign(
                &call, context,
                ClientContext.credential(ControlProcedure.data, context.nextSequence(), .none, context.handle, version: 2))
        },
        Case("more behind the handle", .none, .authError(AuthError.badCredential)) { call, _ in call.credential.body += [0, 0, 0, 0] },
        Case("a handle cut short", .none, .authError(AuthError.badCredential)) { call, _ in call.credential.body.removeLast(4) },
        Case("no credential", .none, .authError(AuthError.badCredential)) { call, _ in call.credential.body = [] },
        Case("a credential of 401 bytes", .none, .authError(AuthError.badCredential)) { call, _ in
            call.credential.body += [UInt8](repeating: 0, count: 401 - call.credential.body.count)
        },
        Case("no verifier", .none, .authError(AuthError.badVerifier)) { call, _ in call.verifier = .none },
        Case("a verifier of 401 bytes", .none, .authError(AuthError.badVerifier)) { call, _ in
            call.verifier.body = [UInt8](repeating: 0, count: 401)
        },
        Case("a number above the highest", .none, .authError(AuthError.gssContextProblem)) { call, context in
            try sign(&call, context, ClientContext.credential(ControlProcedure.data, 0x8000_0001, .none, context.handle))
        },
        Case("destruction by COMPOUND", .none, .authError(AuthError.badCredential)) { call, context in
            try sign(&call, context, ClientContext.credential(ControlProcedure.destroy, context.nextSequence(), .none, context.handle))
        },
    ]

    private static let integrity: [Case] = [
        Case("spoiled arguments", .integrity, .garbageArgs) { call, _ in call.arguments[9] ^= 1 },
        Case("a spoiled checksum of arguments", .integrity, .garbageArgs) { call, _ in call.arguments[call.arguments.count - 1] ^= 1 },
        Case("no protection", .integrity, .garbageArgs) { call, _ in call.arguments = Connection.compoundArguments([]) },
        Case("a checksum of nothing", .integrity, .garbageArgs) { call, context in
            call.arguments = arguments([], try context.checksum(of: []))
        },
        Case("no arguments", .integrity, .garbageArgs) { call, _ in call.arguments = [] },
        Case("arguments cut short", .integrity, .garbageArgs) { call, _ in call.arguments.removeLast(8) },
        Case("more behind the checksum", .integrity, .garbageArgs) { call, _ in call.arguments += [0, 0, 0, 0] },
        Case("a length beyond the call", .integrity, .garbageArgs) { call, _ in call.arguments[0] = 0x7f },
        Case("the arguments of the call before", .integrity, .garbageArgs) { call, context in
            call.arguments = try context.protect(Connection.compoundArguments([]), .integrity, sequence: 1)
        },
        Case("encryption where integrity was said", .integrity, .garbageArgs) { call, context in
            call.arguments = try context.protect(Connection.compoundArguments([]), .privacy, sequence: context.nextSequence())
        },
    ]

    private static let privacy: [Case] = [
        Case("spoiled encryption", .privacy, .garbageArgs) { call, _ in call.arguments[40] ^= 1 },
        Case("a spoiled end", .privacy, .garbageArgs) { call, _ in call.arguments[call.arguments.count - 5] ^= 1 },
        Case("a spoiled token header", .privacy, .garbageArgs) { call, _ in call.arguments[4] ^= 1 },
        Case("a token of another length", .privacy, .garbageArgs) { call, _ in call.arguments[8] ^= 1 },
        Case("no encryption", .privacy, .garbageArgs) { call, context in
            call.arguments = arguments(try context.wrap(call.arguments, confidentially: false))
        },
        Case("plain arguments", .privacy, .garbageArgs) { call, _ in call.arguments = Connection.compoundArguments([]) },
        Case("no arguments", .privacy, .garbageArgs) { call, _ in call.arguments = [] },
        Case("an empty token", .privacy, .garbageArgs) { call, _ in call.arguments = arguments([]) },
        Case("a token of one byte", .privacy, .garbageArgs) { call, _ in call.arguments = arguments([5]) },
        Case("encryption of nothing", .privacy, .garbageArgs) { call, context in
            call.arguments = arguments(try context.wrap([], confidentially: true))
        },
        Case("the encryption of the call before", .privacy, .garbageArgs) { call, context in
            call.arguments = try context.protect(Connection.compoundArguments([]), .privacy, sequence: 1)
        },
        Case("a checksum in place of encryption", .privacy, .garbageArgs) { call, context in
            call.arguments = arguments(try context.checksum(of: call.arguments))
        },
        Case("more behind", .privacy, .garbageArgs) { call, _ in call.arguments += [0, 0, 0, 0] },
    ]

    private static let programs: [Case] = [
        Case("another program", .integrity, .progUnavail) { call, context in
            call.program = 100_005
            try sign(&call, context, call.credential)
        },
        Case("version 3", .privacy, .progMismatch(low: 4, high: 4)) { call, context in
            call.version = 3
            try sign(&call, context, call.credential)
        },
        Case("procedure 2", .none, .procUnavail) { call, context in
            call.procedure = 2
            try sign(&call, context, call.credential)
        },
        Case("arguments of COMPOUND that do not read", .none, .garbageArgs) { call, _ in call.arguments = [0] },
    ]

    @Test("that are not as they should be are refused, each as the RFC says", arguments: headers + integrity + privacy + programs)
    func refusals(_ refused: Case) async throws {
        let client = try await KerberosClient()
        _ = try await client.isServed()
        var (call, sequence) = try client.protected(refused.service)
        try refused.change(&call, client.context)
        let reply = try await client.reply(to: call)
        // Whatever is accepted has the verifier of the call.
        let body: RPCReply.Body
        if case .authError = refused.answer {
            body = reply.body
        } else {
            body = try client.context.open(reply, refused.service, sequence: sequence)
        }
        #expect(body == refused.answer)
        #expect(try await client.isServed())
    }

    @Test("that say another number inside are refused", arguments: [Service.integrity, .privacy])
    func otherNumberInside(service: Service) async throws {
        let client = try await KerberosClient()
        let (call, sequence) = try client.protected(service, bodySequence: 4711)
        #expect(try client.context.open(try await client.reply(to: call), service, sequence: sequence) == .garbageArgs)
    }

    @Test("take numbers up to the highest there is")
    func highestNumber() async throws {
        let client = try await KerberosClient()
        let call = try client.context.protect(KerberosClient.call(), .privacy, sequence: 0x8000_0000)
        #expect(try client.context.open(try await client.reply(to: call), .privacy, sequence: 0x8000_0000) == .success([]))
    }

    @Test("that came before, or so long ago that they may have, are not answered", arguments: Service.allCases)
    func repetition(service: Service) async throws {
        let client = try await KerberosClient()
        let old = try client.context.protect(KerberosClient.call(), service, sequence: 0)
        let (first, number) = try client.protected(service)
        _ = try client.context.open(try await client.reply(to: first), service, sequence: number)
        let late = try client.context.protect(KerberosClient.call(), service, sequence: 1024)
        _ = try client.context.open(try await client.reply(to: late), service, sequence: 1024)
        try await client.socket.send(first.bytes)
        try await client.socket.send(old.bytes)
        // The next answer is that to the next call.
        let next = try client.context.protect(KerberosClient.call(), service, sequence: 1025)
        #expect(try client.context.open(try await client.reply(to: next), service, sequence: 1025) == .success([]))
    }

    @Test("of one context do not pass in another")
    func otherContext() async throws {
        let (alice, bob) = (try await KerberosClient(), try await KerberosClient("bob"))
        var call = KerberosClient.call()
        call.credential = ClientContext.credential(ControlProcedure.data, 1, .none, bob.context.handle)
        call.verifier = Credential(flavor: ClientContext.flavor, body: try alice.context.checksum(of: call.header))
        #expect(try await alice.reply(to: call).body == Self.problem)
    }

    @Test("spoiled at random harm nobody")
    func fuzz() async throws {
        let client = try await KerberosClient()
        let server = try await KerberosServer.shared()
        var random = SplitMix64(state: 11)
        var socket = try await server.socket(timeout: 1)
        for round in 0..<600 {
            var bytes = try client.protected(Service.allCases[round % 3]).call.bytes
            for _ in 0...Int(random.next() % 3) {
                switch random.next() % 4 {
                case 0: bytes.removeLast(min(bytes.count, 4 * Int(random.next() % 20)))
                case 1: bytes += (0..<4 * Int(random.next() % 20)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                default: if !bytes.isEmpty { bytes[Int(random.next() % UInt64(bytes.count))] ^= UInt8(1 << (random.next() % 8)) }
                }
            }
            do {
                try await socket.send(bytes)
                // Behind it a call that is answered, if the connection is still there.
                let (good, _) = try client.protected(.none, procedure: 0)
                try await socket.send(good.bytes)
                while try XDRDecoder(await socket.receive()).xid != good.xid {}
            } catch ConnectionError.closed {
                socket = try await server.socket(timeout: 1)
            }
        }
        #expect(try await client.isServed(.privacy))
    }
}

extension XDRDecoder {
    /// Of a message.
    fileprivate var xid: UInt32 {
        get throws {
            var decoder = self
            return try decoder.uint32()
        }
    }
}
