import FileSystem
import KerberosLab
import MemoryFileSystem
import NFSServer
import NFSTestClient
import NFSTestServer
import Security
import Testing

/// NFSv4.1 over contexts, with an engine in the process whose time and limits a test can set.
@Suite("Sessions with Kerberos", .withRealm, .timeLimit(.minutes(2)))
struct KerberosSessionTests {
    private let realm: TestRealm
    private let time = ManualTime()
    private let server: InProcessServer

    init() async throws {
        realm = try await TestRealm.shared()
        let files = MemoryFileSystem()
        try files.root.setAttributes(AttributeChanges(mode: 0o777), Caller(.superuser, mayBlock: true))
        server = await InProcessServer.start(
            [NameSpace.Entry(pseudoPath: "/export", fileSystem: files)], limits: Limits(securityContexts: 3), time: time,
            kerberos: try AcceptorCredential(keytab: realm.keytab, principal: nil),
            identify: { principal in
                principal == "alice@\(TestRealm.name)" ? Credentials(uid: 1000, gid: 1000) : Credentials(uid: 65534, gid: 65534)
            })
    }

    private func context(_ user: String = "alice", seconds: Int = 3600) async throws -> ClientContext {
        try await ClientContext(over: server.connect(), ticket: realm.ticket(of: user, seconds: seconds))
    }

    private func exchange(_ context: ClientContext, _ service: Service = .integrity) -> KerberosExchange {
        KerberosExchange(server.connect(), context, service)
    }

    /// What NULL is answered with in a context.
    private func answer(in context: ClientContext) async throws -> RPCReply.Body {
        try await Connection(exchange(context)).call(procedure: 0).body
    }

    @Test("belong to whom the principal is on this machine", arguments: Service.allCases)
    func identity(service: Service) async throws {
        let session = try await TestSession.establish(over: exchange(context(), service))
        let directory = try await server.newDirectory(session)
        #expect(try await session.attributes(directory, [.owner]).owner == "1000")
        let stranger = try await TestSession.establish(over: exchange(context("bob"), service))
        let other = try await server.newDirectory(stranger)
        #expect(try await stranger.attributes(other, [.owner]).owner == "65534")
    }

    @Test("give a retried request the reply of the first time, protected anew", arguments: Service.allCases)
    func retry(service: Service) async throws {
        let context = try await context()
        let session = try await TestSession.establish(over: exchange(context))
        let directory = try await server.newDirectory(session)
        let operations = [await session.nextSequence(cacheThis: true), .putFH(directory), .create(.directory, "once")]
        let first = try await Connection(exchange(context, service)).compound(operations).succeeded()
        for other in Service.allCases {
            let again = try await Connection(exchange(context, other)).compound(operations)
            #expect(again.bytes == first.bytes)
        }
        // The client has made another context since.
        let renewed = try await self.context()
        #expect(try await Connection(exchange(renewed, service)).compound(operations).bytes == first.bytes)
    }

    @Test("tell a retry by somebody else from one by the same principal")
    func falseRetry() async throws {
        let session = try await TestSession.establish(over: exchange(context()))
        let operations = [await session.nextSequence(cacheThis: true), .putRootFH]
        _ = try await session.connection.compound(operations).succeeded()
        let other = try await Connection(exchange(context("bob"))).compound(operations)
        #expect(other.outcome == Outcome(.sequence, .seqFalseRetry))
    }

    @Test("end with the ticket: then the client is to make another context")
    func expiry() async throws {
        let (short, long) = (try await context(seconds: 600), try await context(seconds: 7200))
        #expect(try await answer(in: short) == .success([]))
        // libkrb5 allows for clocks that differ by five minutes.
        time.advance(by: .seconds(850))
        #expect(try await answer(in: short) == .success([]))
        time.advance(by: .seconds(100))
        #expect(try await answer(in: short) == .authError(AuthError.gssContextProblem))
        #expect(try await answer(in: short) == .authError(AuthError.gssCredentialProblem))
        #expect(try await answer(in: long) == .success([]))
    }

    @Test("are kept in as many contexts as there is room for: the one that was used least lately goes")
    func limit() async throws {
        var contexts: [ClientContext] = []
        for _ in 0..<3 {
            time.advance(by: .seconds(1))
            contexts.append(try await context())
        }
        for index in [2, 0] {
            time.advance(by: .seconds(1))
            #expect(try await answer(in: contexts[index]) == .success([]))
        }
        contexts.append(try await context())
        #expect(try await answer(in: contexts[1]) == .authError(AuthError.gssCredentialProblem))
        for index in [0, 2, 3] { #expect(try await answer(in: contexts[index]) == .success([])) }
    }

    @Test("count what protects a reply as part of it", arguments: Service.allCases)
    func replySize(service: Service) async throws {
        let context = try await context()
        var fore = ChannelAttributes()
        (fore.maxResponseSize, fore.maxResponseSizeCached) = (2048, 1024)
        let session = try await TestSession.establish(over: exchange(context, service), fore: fore)
        let directory = try await server.newDirectory(session)
        let file = try await session.makeFile(directory, "data", [UInt8](repeating: 7, count: 4096))
        var longest = 0
        for size in stride(from: 1500, through: 2048, by: 4) {
            let plain = exchange(context, service).plain
            let operations = [await session.nextSequence(), .putFH(file), .read(count: UInt32(size))]
            let sequence = context.nextSequence()
            let call = try context.protect(
                RPCCall(xid: 1, arguments: Connection.compoundArguments(operations)), service, sequence: sequence)
            let reply = try await plain.exchange(call.bytes)
            #expect(reply.count <= 2048)
            guard case .success(let results) = try context.open(CheckedReply(reply), service, sequence: sequence) else { return }
            await session.advance()
            if try CompoundReply(results).status == .ok { longest = reply.count }
        }
        // What is left of the 2048 bytes is less than the next request would take.
        #expect(longest > 2048 - 24)
    }
}
