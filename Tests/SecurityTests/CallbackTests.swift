import ConformanceRecord
import KerberosLab
import NFSServer
import NFSTestClient
import NFSTestServer
import Synchronization
import Testing

/// Calls of the server in a client's contexts, over an engine in the process whose time and limits a test can set.
@Suite(
    "Calls to clients in their contexts (RFC 8881 §2.10.8.2, §18.33, §18.36.3, RFC 2203 §5.3)", .withRealm, .timeLimit(.minutes(2)),
    .covers(.backchannelCtl, .createSession))
struct CallbackTests {
    private let realm: TestRealm
    private let time = ManualTime()
    private let server: InProcessServer
    /// In which the client makes its requests.
    private let fore: ClientContext
    private let contexts = CallbackContexts()

    /// - Parameter milliseconds: how long a client may take to answer. A busy machine must not count as a silent client.
    init(milliseconds: Int = 60_000, securityContexts: Int = 100) async throws {
        realm = try await TestRealm.shared()
        server = try await InProcessServer.start(
            keytab: realm.keytab, accepting: [.krb5p, .krb5i, .krb5],
            limits: Limits(callbackMilliseconds: milliseconds, securityContexts: securityContexts), time: time)
        fore = try await Self.context(server, realm)
    }

    init() async throws { try await self.init(milliseconds: 60_000) }

    private static func context(
        _ server: InProcessServer, _ realm: TestRealm, _ user: String = "host/client", service: String = "nfs/localhost",
        seconds: Int = 7200
    ) async throws -> ClientContext {
        try await ClientContext(
            over: server.connect(), ticket: realm.ticket(of: user, for: service, seconds: seconds), service: "\(service)@\(TestRealm.name)")
    }

    /// Another context of the same client.
    private func context(seconds: Int = 7200, service: String = "nfs/localhost") async throws -> ClientContext {
        try await Self.context(server, realm, service: service, seconds: seconds)
    }

    private static let handle: [UInt8] = [9, 8, 7]

    /// What CREATE_SESSION or BACKCHANNEL_CTL says of a context, which the client then knows by `handle`.
    private func offer(
        _ context: ClientContext, _ service: Service = .integrity, as handle: [UInt8] = handle, in contexts: CallbackContexts? = nil
    ) -> Operation.CallbackSecurity {
        (contexts ?? self.contexts).add(context, as: handle)
        return .gss(handle: context.handle, service: service.rawValue, clientHandle: handle)
    }

    /// A session that was made in the context of the client.
    private func session(
        _ security: [Operation.CallbackSecurity], answeredBy callbacks: CallbackService, back: ChannelAttributes = ChannelAttributes()
    ) async throws -> TestSession {
        let connection = Connection(KerberosExchange(server.connect(answering: callbacks), fore, .integrity))
        let owner = ClientOwner.unique()
        let client = try await connection.compound(.exchangeID(owner)).succeeded().exchangeID
        return try await TestSession.establish(over: connection, owner: owner, client: client, back: back, callbackSecurity: security)
    }

    /// A session whose client has answered its first call.
    private func calledSession(
        _ security: [Operation.CallbackSecurity], answeredBy callbacks: CallbackService, back: ChannelAttributes = ChannelAttributes()
    ) async throws -> TestSession {
        let session = try await session(security, answeredBy: callbacks, back: back)
        #expect(session.created.flags == Operation.createSessionBackChannel)
        try await eventually("a back channel") { server.canCall(session.clientID) }
        return session
    }

    /// CB_NOTIFY_LOCK; whether the client has taken note.
    private func notify(_ session: TestSession) async -> Bool {
        await server.notifyLock(session.clientID, file: [1, 2, 3], owner: [4, 5])
    }

    private func flags(_ session: TestSession) async throws -> UInt32 { try await session.compound().sequence.flags }

    private static let down: UInt32 = 0x201
    private static let expiring: UInt32 = 0x2
    private static let expired: UInt32 = 0x4

    // MARK: Calls

    @Test(
        "carry the client's handle, the service it asked for, and a verifier, numbers and protection that it finds right",
        arguments: Service.allCases, ["nfs/localhost", "nfs/legacy"])
    func services(service: Service, server name: String) async throws {
        let callbacks = CallbackService(protection: contexts)
        let session = try await calledSession([offer(context(service: name), service)], answeredBy: callbacks)
        for _ in 0..<3 { #expect(await notify(session)) }
        #expect(callbacks.calls.map(\.procedure) == [0, 1, 1, 1])
        #expect(callbacks.carriedOut.map(\.sequence) == [1, 2, 3])
        #expect(contexts.calls.map(\.handle) == Array(repeating: Self.handle, count: 4))
        #expect(contexts.calls.allSatisfy { $0.service == service })
        #expect(contexts.calls.map(\.sequence) == [1, 2, 3, 4])
        #expect(try await flags(session) == 0)
    }

    @Test("of several sessions in one context have numbers of their own each")
    func severalSessions() async throws {
        let callbacks = CallbackService(protection: contexts)
        let context = try await context()
        var sessions: [TestSession] = []
        for _ in 0..<3 { sessions.append(try await calledSession([offer(context)], answeredBy: callbacks)) }
        for _ in 0..<3 {
            for session in sessions { #expect(await notify(session)) }
        }
        #expect(contexts.calls.map(\.sequence) == Array(1...12))
    }

    @Test("at the same time, beside long messages in the same context, all arrive", arguments: Service.allCases)
    func busyContext(service: Service) async throws {
        let callbacks = CallbackService(protection: contexts)
        let session = try await calledSession([offer(fore, service)], answeredBy: callbacks)
        let other = Connection(KerberosExchange(server.connect(), fore, .privacy))
        let tag = [UInt8](repeating: 7, count: 200_000)
        let delivered = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 {
                group.addTask { await notify(session) }
                group.addTask { try await other.compound([], tag: tag).tag == tag }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(delivered == 40)
        #expect(callbacks.carriedOut.count == 20)
    }

    @Test("tell a client at the other end of a socket that it may have the lock it waits for", arguments: Service.allCases)
    func lock(service: Service) async throws {
        let server = try await KerberosServer.shared()
        let context = try await ClientContext(over: server.socket(), ticket: realm.ticket(of: "alice"))
        let callbacks = CallbackService(protection: contexts)
        let connection = Connection(KerberosExchange(try await server.connect(answering: callbacks), context, service))
        let owner = ClientOwner.unique()
        let client = try await connection.compound(.exchangeID(owner)).succeeded().exchangeID
        let waiter = try await TestSession.establish(
            over: connection, owner: owner, client: client, callbackSecurity: [offer(context, service)])
        try await waiter.run(.reclaimComplete())
        let holder = try await TestSession.establish(over: KerberosExchange(server.socket(), context, service))
        let directory = try await server.newDirectory(holder)
        let file = try await holder.open(directory, "file")
        let lock = try await holder.lock(file)
        // OPEN4_RESULT_MAY_NOTIFY_LOCK says that the back channel works.
        try await eventually("a back channel") { try await waiter.open(directory, "file").result.flags & 0x20 != 0 }
        let opened = try await waiter.open(directory, "file")
        let request = Operation.lock(.blockingWrite, .open(opened.stateID, "waiter"))
        #expect(try await waiter.compound(.putFH(file.handle), request).outcome == Outcome(.lock, .denied))
        try await holder.run(.putFH(file.handle), .lockU(lock))
        try await eventually("a call") { callbacks.carriedOut.count == 1 }
        #expect(callbacks.carriedOut.first?.notifyLock?.file == file.handle)
        try await waiter.run(.putFH(file.handle), request)
        await connection.close()
    }

    @Test("prove themselves with the first credential the client named that serves")
    func order() async throws {
        let callbacks = CallbackService(protection: contexts)
        let (one, other) = (try await context(), try await context())
        var session = try await calledSession([offer(one, as: [1]), .sys(uid: 3, gid: 4), offer(other, as: [2])], answeredBy: callbacks)
        #expect(await notify(session))
        #expect(contexts.calls.map(\.handle) == [[1], [1]])
        session = try await calledSession([.sys(uid: 3, gid: 4), offer(one, as: [1])], answeredBy: callbacks)
        #expect(await notify(session))
        #expect(contexts.calls.count == 2)
        #expect(callbacks.calls.last?.credential == .sys(uid: 3, gid: 4))
    }

    @Test("with the longest handle there can be are made, unless the client takes no message so long", arguments: Service.allCases)
    func sizes(service: Service) async throws {
        let longest = [UInt8](repeating: 6, count: 380)
        let wide = CallbackService(protection: contexts)
        #expect(await notify(try await calledSession([offer(fore, service, as: longest)], answeredBy: wide)))
        #expect(wide.calls.last?.credential.body.count == 400)
        let length = UInt32(try #require(contexts.calls.last).length)
        // What protects it counts as much as it can come to.
        let cases: [(UInt32, UInt32, Bool)] = [(length - 1, 1000, false), (length + 64, 1000, true), (length + 64, 100, false)]
        for (request, response, isMade) in cases {
            var back = ChannelAttributes()
            (back.maxRequestSize, back.maxResponseSize) = (request, response)
            let session = try await calledSession([offer(fore, service, as: longest)], answeredBy: wide, back: back)
            let count = wide.calls.count
            #expect(await notify(session) == isMade)
            #expect(wide.calls.count == (isMade ? count + 1 : count))
        }
    }

    // MARK: Replies

    struct Spoiled: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let services: [Service]
        let change: @Sendable (inout CallbackContexts.Reply, CallbackContexts.Call) throws -> Void

        init(
            _ description: String, _ services: [Service] = Service.allCases,
            _ change: @escaping @Sendable (inout CallbackContexts.Reply, CallbackContexts.Call) throws -> Void
        ) {
            testDescription = description
            self.services = services
            self.change = change
        }
    }

    private static let spoiled: [Spoiled] = [
        Spoiled("a spoiled verifier") { reply, _ in reply.verifier.body[reply.verifier.body.count - 1] ^= 1 },
        Spoiled("an empty verifier") { reply, _ in reply.verifier.body = [] },
        Spoiled("a verifier of AUTH_NONE") { reply, _ in reply.verifier = .none },
        Spoiled("a verifier longer than there can be") { reply, _ in reply.verifier.body = [UInt8](repeating: 0, count: 404) },
        Spoiled("the verifier of another call") { reply, call in
            reply.verifier.body = try call.context.checksum(of: ClientContext.word(call.sequence + 1))
        },
        Spoiled("spoiled results", [.integrity, .privacy]) { reply, _ in reply.results[20] ^= 1 },
        Spoiled("a spoiled end", [.integrity, .privacy]) { reply, _ in reply.results[reply.results.count - 6] ^= 1 },
        Spoiled("results cut short", [.integrity, .privacy]) { reply, _ in reply.results.removeLast(4) },
        Spoiled("more behind the results", [.integrity, .privacy]) { reply, _ in reply.results += [0, 0, 0, 0] },
        Spoiled("no results", [.integrity, .privacy]) { reply, _ in reply.results = [] },
        Spoiled("results without protection", [.integrity, .privacy]) { reply, _ in reply.results = reply.plain },
        Spoiled("the number of another call inside", [.integrity, .privacy]) { reply, call in
            reply.results = try call.context.protect(reply.plain, call.service, sequence: call.sequence + 1)
        },
        Spoiled("another protection", [.integrity, .privacy]) { reply, call in
            reply.results = try call.context.protect(
                reply.plain, call.service == .integrity ? .privacy : .integrity, sequence: call.sequence)
        },
        Spoiled("a mebibyte of nothing", [.integrity, .privacy]) { reply, _ in
            reply.results = [0, 0x10, 0, 0] + [UInt8](repeating: 0, count: 1 << 20)
        },
    ]

    @Test("are not answered by replies that are not the client's, whose own is still taken", arguments: spoiled)
    func forgedReplies(_ spoiled: Spoiled) async throws {
        for service in spoiled.services {
            let contexts = CallbackContexts { _, call, reply in
                var forged = reply
                try spoiled.change(&forged, call)
                return [forged, reply]
            }
            let callbacks = CallbackService(protection: contexts)
            let session = try await calledSession([offer(fore, service, in: contexts)], answeredBy: callbacks)
            #expect(await notify(session))
            #expect(callbacks.calls.count == 2)
            #expect(try await flags(session) == 0)
        }
    }

    @Test("that get nothing but such replies count as not answered", arguments: Service.allCases)
    func onlyForgedReplies(service: Service) async throws {
        let test = try await CallbackTests(milliseconds: 300)
        let contexts = CallbackContexts { number, _, reply in
            var forged = reply
            if number > 0 { forged.verifier.body[20] ^= 1 }
            return [forged]
        }
        let callbacks = CallbackService(protection: contexts)
        let session = try await test.calledSession([test.offer(test.fore, service, in: contexts)], answeredBy: callbacks)
        #expect(await !test.notify(session))
        #expect(try await test.flags(session) == Self.down)
    }

    // MARK: The end of contexts

    @Test("tell by SEQUENCE when their last context ends within a lease, and when it has ended; BACKCHANNEL_CTL brings another")
    func expiry() async throws {
        let callbacks = CallbackService(protection: contexts)
        // libkrb5 allows for clocks that differ by five minutes: it ends after 900 s, and the lease is 60 s.
        let session = try await calledSession([offer(context(seconds: 600), as: [1])], answeredBy: callbacks)
        server.pass(.seconds(820))
        #expect(try await flags(session) == 0)
        server.pass(.seconds(40))
        #expect(try await flags(session) == Self.expiring)
        #expect(await notify(session))
        // Another one at hand ends later.
        let second = try await context(seconds: 1200)
        try await session.run(.backchannelCtl(security: [offer(second, as: [2])]))
        try await eventually("an answer to the next call") { contexts.calls.last?.handle == [2] && server.canCall(session.clientID) }
        #expect(try await flags(session) == 0)
        server.pass(.seconds(100))
        #expect(try await flags(session) == 0)
        #expect(await notify(session))
        #expect(contexts.calls.last?.handle == [2])
        time.advance(by: .seconds(1500))
        #expect(try await flags(session) == Self.expired)
        #expect(await !notify(session))
        #expect(!server.canCall(session.clientID))
        #expect(try await flags(session) == Self.expired)
        try await session.run(.backchannelCtl(program: 0x4000_0007, security: [offer(context(), as: [3])]))
        try await eventually("a back channel") { server.canCall(session.clientID) }
        #expect(try await flags(session) == 0)
        #expect(await notify(session))
        #expect(contexts.calls.last?.handle == [3])
        #expect(callbacks.calls.last?.program == 0x4000_0007)
        #expect(callbacks.carriedOut.map(\.sequence) == [1, 2, 3], "the slot goes on where it was")
    }

    @Test("go on with what else the client offered when the context has ended, which is told all the same")
    func fallback() async throws {
        let callbacks = CallbackService(protection: contexts)
        let security = [offer(try await context(seconds: 600)), .sys(uid: 3, gid: 4)]
        let session = try await calledSession(security, answeredBy: callbacks)
        #expect(await notify(session))
        time.advance(by: .seconds(1000))
        #expect(await notify(session))
        #expect(callbacks.calls.map(\.credential.flavor) == [6, 6, 1])
        #expect(try await flags(session) == Self.expired)
        server.pass(.seconds(10))
        #expect(server.canCall(session.clientID))
        // A program without a credential.
        try await session.run(.backchannelCtl(program: 5, security: []))
        _ = try await callbacks.calls(4)
        try await eventually("a back channel") { server.canCall(session.clientID) }
        #expect(await notify(session))
        #expect(callbacks.calls.suffix(2).allSatisfy { $0.program == 5 && $0.credential == .sys(uid: 3, gid: 4) })
    }

    /// What stands behind the xid of an AUTH_ERROR.
    private static func denial(_ status: UInt32) -> [UInt8] { [1, 1, 1, status].flatMap(ClientContext.word) }

    @Test(
        "go on with what else the client offered when it refuses the context",
        arguments: [AuthError.gssCredentialProblem, AuthError.gssContextProblem, AuthError.badCredential], [true, false])
    func refusal(status: UInt32, ofTheFirst: Bool) async throws {
        let denial = Self.denial(status)
        let callbacks = CallbackService(protection: contexts) { call, number in
            call.credential.flavor == 6 && (ofTheFirst || number > 0) ? .message(denial) : .properly
        }
        let session = try await calledSession([offer(context()), .sys(uid: 3, gid: 4)], answeredBy: callbacks)
        #expect(await notify(session))
        #expect(callbacks.calls.map(\.credential.flavor) == (ofTheFirst ? [6, 1, 1] : [6, 6, 1]))
        #expect(callbacks.carriedOut.map(\.sequence) == [1])
        #expect(try await flags(session) == Self.expired)
    }

    @Test("end when the client refuses its only context, until it brings another; what was under way is sent again")
    func refusalOfTheOnly() async throws {
        let denial = Self.denial(AuthError.gssContextProblem)
        let callbacks = CallbackService(protection: contexts) { _, number in number == 1 ? .message(denial) : .properly }
        let session = try await calledSession([offer(context(), as: [1])], answeredBy: callbacks)
        #expect(await !notify(session))
        #expect(try await flags(session) == Self.expired)
        #expect(!server.canCall(session.clientID))
        try await session.run(.backchannelCtl(security: [offer(context(), as: [2])]))
        try await eventually("the call") { callbacks.carriedOut.count == 1 }
        #expect(await notify(session))
        #expect(callbacks.carriedOut.map(\.sequence) == [1, 2])
        #expect(try await flags(session) == 0)
    }

    @Test("try the first four contexts that are offered, and no more")
    func bound() async throws {
        let denial = Self.denial(AuthError.gssContextProblem)
        let callbacks = CallbackService(protection: contexts) { _, _ in .message(denial) }
        var security: [Operation.CallbackSecurity] = []
        for number: UInt8 in 0..<6 { security.append(offer(try await context(), as: [number])) }
        let session = try await session(security, answeredBy: callbacks)
        _ = try await callbacks.calls(4)
        try await eventually("no context is left") { try await flags(session) == Self.expired }
        #expect(await !notify(session))
        #expect(contexts.calls.map(\.handle) == [[0], [1], [2], [3]])
    }

    @Test("are not needed for SEQUENCE to tell that the contexts of the session have ended")
    func expiryWithoutConnections() async throws {
        let connection = Connection(KerberosExchange(server.connect(), fore, .integrity))
        let client = try await connection.compound(.exchangeID(.unique())).succeeded().exchangeID
        let create = Operation.createSession(
            clientID: client.clientID, sequence: client.sequence, security: [offer(try await context(seconds: 600))])
        let session = try await connection.compound(create).succeeded().session
        for (sequence, (seconds, flags)) in [(800, 0), (50, Self.expiring), (60, Self.expired)].enumerated() {
            time.advance(by: .seconds(seconds))
            #expect(try await connection.compound(.sequence(session.id, sequence: UInt32(sequence) + 1)).sequence.flags == flags)
        }
    }

    @Test("end with a context that the client destroys")
    func destruction() async throws {
        let callbacks = CallbackService(protection: contexts)
        let context = try await context()
        let session = try await calledSession([offer(context)], answeredBy: callbacks)
        let call = try context.protect(
            KerberosClient.call(), .integrity, sequence: context.nextSequence(), procedure: ControlProcedure.destroy)
        _ = try await server.connect().exchange(call.bytes)
        #expect(await !notify(session))
        #expect(try await flags(session) == Self.expired)
    }

    @Test("end with a context that has to make room, which is told; a call counts as use")
    func eviction() async throws {
        let test = try await CallbackTests(securityContexts: 3)
        let callbacks = CallbackService(protection: test.contexts)
        let session = try await test.calledSession([test.offer(test.context())], answeredBy: callbacks)
        for _ in 0..<3 {
            test.time.advance(by: .seconds(1))
            #expect(try await test.flags(session) == 0)
            #expect(await test.notify(session))
            test.time.advance(by: .seconds(1))
            _ = try await test.context()
        }
        for _ in 0..<2 {
            test.time.advance(by: .seconds(1))
            #expect(try await test.flags(session) == 0)
            _ = try await test.context()
        }
        test.server.pass(.seconds(4))
        #expect(try await test.flags(session) == Self.expired)
        #expect(!test.server.canCall(session.clientID))
        #expect(await !test.notify(session))
    }

    // MARK: What may be named

    @Test("are not made in contexts the client has not made: NOENT, and nothing changes")
    func otherContexts() async throws {
        let callbacks = CallbackService(protection: contexts)
        let session = try await calledSession([offer(fore)], answeredBy: callbacks)
        let alice = try await Self.context(server, realm, "alice")
        let ended = try await context(seconds: 600)
        time.advance(by: .seconds(1000))
        let unknown = [[], [1, 2, 3, 4], fore.handle.map { $0 ^ 1 }, alice.handle, ended.handle]
        for handle in unknown {
            let security = [offer(fore), .none, Operation.CallbackSecurity.gss(handle: handle)]
            let reply = try await session.compound(.backchannelCtl(program: 5, security: security))
            #expect(reply.outcome == Outcome(.backchannelCtl, .noEnt))
        }
        // Nor for who does not prove to be the one.
        for connection in [Connection(server.connect()), Connection(KerberosExchange(server.connect(), alice, .integrity))] {
            let reply = try await session.compound(.backchannelCtl(program: 5, security: [offer(fore)]), over: connection)
            #expect(reply.outcome == Outcome(.backchannelCtl, .noEnt))
        }
        for (step, handle) in unknown.enumerated() {
            let create = Operation.createSession(
                clientID: session.clientID, sequence: session.nextCreateSequence + UInt32(step), flags: Operation.createSessionBackChannel,
                security: [.none, .gss(handle: handle)])
            #expect(try await session.connection.compound(create).outcome == Outcome(.createSession, .noEnt))
        }
        #expect(await notify(session))
        #expect(callbacks.calls.count == 2 && callbacks.calls[1].program == Operation.callbackProgram)
    }

    @Test("are bounded in what a client can ask of them: INVAL, and nothing changes")
    func bounds() async throws {
        let callbacks = CallbackService(protection: contexts)
        let session = try await calledSession([offer(fore)], answeredBy: callbacks)
        var refused: [[Operation.CallbackSecurity]] = []
        for length in [0, 381, 400, 100_000] {
            refused.append([offer(fore), .gss(handle: fore.handle, clientHandle: [UInt8](repeating: 1, count: length))])
        }
        refused.append(Array(repeating: .none, count: 65))
        refused.append(Array(repeating: .gss(handle: fore.handle), count: 10_000))
        for (step, security) in refused.enumerated() {
            let reply = try await session.compound(.backchannelCtl(program: 5, security: security))
            #expect(reply.outcome == Outcome(.backchannelCtl, .inval))
            let create = Operation.createSession(
                clientID: session.clientID, sequence: session.nextCreateSequence + UInt32(step), flags: Operation.createSessionBackChannel,
                security: security)
            #expect(try await session.connection.compound(create).outcome == Outcome(.createSession, .inval))
        }
        for service in [0, 4, .max] as [UInt32] {
            let reply = try await session.compound(.backchannelCtl(security: [.gss(handle: fore.handle, service: service)]))
            #expect(reply.outcome == Outcome(.backchannelCtl, .badXDR))
        }
        let many = (0..<64).map { offer(fore, as: [0, $0]) }
        try await session.run(.backchannelCtl(program: 6, security: many))
        try await eventually("a call") { callbacks.calls.count == 2 }
        #expect(callbacks.calls[1].program == 6 && contexts.calls[1].handle == [0, 0])
    }
}
