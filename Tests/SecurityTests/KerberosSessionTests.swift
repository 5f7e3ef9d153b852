import FileSystem
import KerberosLab
import MemoryFileSystem
import NFSServer
import NFSTestClient
import NFSTestServer
import RPCSecurity
import Testing

import enum RPC.SecurityFlavor

/// NFSv4.1 over contexts, with an engine in the process whose time and limits a test can set.
@Suite("Sessions with Kerberos", .withRealm, .timeLimit(.minutes(2)))
struct KerberosSessionTests {
    private let realm: TestRealm
    private let time = ManualTime()
    private let server: InProcessServer

    init() async throws {
        realm = try await TestRealm.shared()
        server = try await InProcessServer.start(
            keytab: realm.keytab, accepting: [.krb5p, .krb5i, .krb5], limits: Limits(securityContexts: 3), time: time,
            identities: .of { $0 == "alice@\(TestRealm.name)" ? .user(Credentials(uid: 1000, gid: 1000)) : .unknown })
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

    /// Another engine with the same keys, whose export has this rule: the machine of `host/client` is known, alice is, bob is not.
    private func session(_ user: String, _ service: Service, under rule: ExportRule) async throws -> TestSession {
        let files = MemoryFileSystem()
        try files.root.setAttributes(AttributeChanges(mode: 0o777), Caller(.superuser, mayBlock: true))
        let server = await InProcessServer.start(
            [
                NameSpace.Entry(pseudoPath: "/export", fileSystem: files, rules: Export.Rules(rule)),
                NameSpace.Entry(pseudoPath: "/open", fileSystem: files, rules: Export.Rules(ExportRule(security: SecurityFlavor.allCases))),
            ],
            identities: .of { principal in
                switch principal {
                case "alice@\(TestRealm.name)": .user(Credentials(uid: 1000, gid: 1000))
                case "host/client@\(TestRealm.name)": .machine(nil)
                default: .unknown
                }
            }, kerberos: try AcceptorCredential(keytab: realm.keytab, principal: nil))
        let context = try await ClientContext(over: server.connect(), ticket: realm.ticket(of: user))
        return try await TestSession.establish(over: KerberosExchange(server.connect(), context, service))
    }

    private static func owner(_ session: TestSession) async throws -> String? {
        let directory = try await session.lookup(path: ["export"])
        return try await session.attributes(session.open(directory, "file").handle, [.owner]).owner
    }

    @Test("unknown principals are anonymous, or refused where the export says so")
    func unknownPrincipals() async throws {
        let flavors: [SecurityFlavor] = [.krb5p, .krb5i, .krb5]
        let anonymous = ExportRule(anonymous: Credentials(uid: 77, gid: 77), security: flavors)
        #expect(try await Self.owner(session("bob", .integrity, under: anonymous)) == "77")
        let refusing = ExportRule(security: flavors, unknownPrincipals: .refuse)
        let bob = try await session("bob", .integrity, under: refusing)
        #expect(try await bob.compound(.putRootFH, .lookup("export")).outcome == Outcome(.lookup, .access))
        try await bob.run(.putRootFH, .lookup("open"))
        #expect(try await Self.owner(session("alice", .integrity, under: refusing)) == "1000")
    }

    @Test("machines are root where the export says so, anonymous elsewhere, and not refused")
    func machines() async throws {
        let flavors: [SecurityFlavor] = [.krb5i]
        let closed = ExportRule(security: flavors, unknownPrincipals: .refuse)
        #expect(try await Self.owner(session("host/client", .integrity, under: closed)) == "65534")
        let open = ExportRule(security: flavors, machinesAreRoot: true)
        #expect(try await Self.owner(session("host/client", .integrity, under: open)) == "0")
    }

    @Test("an export takes the services it lists, and others are WRONGSEC", arguments: Service.allCases, Service.allCases)
    func flavors(listed: Service, used: Service) async throws {
        let flavor: [Service: SecurityFlavor] = [.none: .krb5, .integrity: .krb5i, .privacy: .krb5p]
        let rule = ExportRule(security: [try #require(flavor[listed])])
        let session = try await session("alice", used, under: rule)
        let outcome = try await session.compound(.putRootFH, .lookup("export")).outcome
        #expect(outcome == Outcome(.lookup, listed == used ? .ok : .wrongSec))
        #expect(try await session.run(.putRootFH, .secInfo("export")).securityFlavors == [390_002 + listed.rawValue])
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

    @Test("have long messages protected where nobody else waits to be received, and short ones at once", arguments: Service.allCases)
    func longMessages(service: Service) async throws {
        let context = try await context()
        let plain = try #require(server.connect() as? InProcessExchange)
        let connection = Connection(KerberosExchange(plain, context, service))
        // The tag of a compound comes back.
        for (size, isLong) in [(100, false), (60_000, false), (70_000, true)] {
            let tag = [UInt8](repeating: 7, count: size)
            #expect(try await connection.compound([], tag: tag).tag == tag)
            #expect(await plain.wasAnsweredAtOnce == (service == .none || !isLong), "\(size) bytes")
        }
        // A short request and a long reply.
        let other = try await self.context()
        let session = try await TestSession.establish(over: KerberosExchange(plain, other, service))
        let file = try await session.makeFile(server.newDirectory(session), "data", [UInt8](repeating: 7, count: 100_000))
        try await eventuallyAtOnce(session, plain)
        #expect(try await session.read(file, count: 100_000).count == 100_000)
        #expect(await plain.wasAnsweredAtOnce == (service == .none))
    }

    /// A long message may still be noted as under way in the moment in which its reply is there.
    private func eventuallyAtOnce(_ session: TestSession, _ exchange: InProcessExchange) async throws {
        repeat { try await session.run(.putRootFH) } while await !exchange.wasAnsweredAtOnce
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
