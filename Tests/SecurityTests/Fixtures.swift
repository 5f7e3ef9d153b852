import FileSystem
import KerberosLab
import MemoryFileSystem
import NFSServer
import NFSTestClient
import NFSTestServer
import RPCSecurity
import Testing

import enum RPC.SecurityFlavor

extension Trait where Self == ConditionTrait {
    /// For tests that need a Kerberos realm.
    static var withRealm: Self { .enabled(if: TestRealm.isExpected, Comment(rawValue: TestRealm.absence)) }
}

/// An nfs-server with a keytab that tests share.
enum KerberosServer {
    private static let start = Task {
        let realm = try await TestRealm.shared()
        return try await ServerUnderTest.start(
            ServerUnderTest.Settings(
                extraArguments: ["--keytab", realm.keytab, "--security", "krb5p", "--security", "krb5i", "--security", "krb5"],
                environment: realm.environment))
    }

    static func shared() async throws -> ServerUnderTest { try await start.value }
}

extension InProcessServer {
    /// A server with the realm's keytab that exports a directory in which everybody may do everything, as `/export`.
    static func inRealm(
        _ realm: TestRealm, accepting flavors: [SecurityFlavor], limits: Limits = Limits(), time: ManualTime? = nil,
        identities: Identities = .ofNobody
    ) async throws -> InProcessServer {
        let files = MemoryFileSystem()
        try files.root.setAttributes(AttributeChanges(mode: 0o777), Caller(.superuser, mayBlock: true))
        return await start(
            [NameSpace.Entry(pseudoPath: "/export", fileSystem: files, rules: Export.Rules(ExportRule(security: flavors)))],
            limits: limits, time: time, identities: identities, kerberos: try AcceptorCredential(keytab: realm.keytab, principal: nil))
    }
}

/// A connection to the shared server and a context of `user` made over it.
struct KerberosClient {
    let socket: SocketExchange
    let context: ClientContext

    init(_ user: String = "alice", service: String = "nfs/localhost", flags: UInt32 = 0) async throws {
        let realm = try await TestRealm.shared()
        let ticket = try await realm.ticket(of: user, for: service)
        socket = try await KerberosServer.shared().socket()
        context = try await ClientContext(over: socket, ticket: ticket, service: "\(service)@\(TestRealm.name)", flags: flags)
    }

    func exchange(_ service: Service) -> KerberosExchange { KerberosExchange(socket, context, service) }

    /// A call of NULL, or of COMPOUND without operations.
    static func call(procedure: UInt32 = 0) -> RPCCall {
        RPCCall(
            xid: Connection.newXID(), procedure: procedure,
            arguments: procedure == 0 ? [] : Connection.compoundArguments([], tag: Array("a tag".utf8)))
    }

    func protected(_ service: Service, procedure: UInt32 = 1, bodySequence: UInt32? = nil) throws -> (call: RPCCall, sequence: UInt32) {
        let sequence = context.nextSequence()
        return (try context.protect(Self.call(procedure: procedure), service, sequence: sequence, bodySequence: bodySequence), sequence)
    }

    /// What the server answers to a call as it is.
    func reply(to call: RPCCall) async throws -> CheckedReply { try CheckedReply(try await socket.exchange(call.bytes)) }

    /// Whether an honest call is answered.
    func isServed(_ service: Service = .integrity) async throws -> Bool {
        let reply = try await Connection(exchange(service)).call(procedure: 0)
        return reply.body == .success([])
    }
}

/// auth_stat.
enum AuthError {
    static let badCredential: UInt32 = 1
    static let rejectedCredential: UInt32 = 2
    static let badVerifier: UInt32 = 3
    static let gssCredentialProblem: UInt32 = 13
    static let gssContextProblem: UInt32 = 14
}
