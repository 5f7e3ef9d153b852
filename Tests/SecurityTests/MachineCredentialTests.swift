import ConformanceRecord
import FileSystem
import KerberosLab
import NFSServer
import NFSTestClient
import NFSTestServer
import RPCSecurity
import Testing

@Suite(
    "Protection by a machine's credential, SP4_MACH_CRED (RFC 8881 §2.10.8.3, §18.35.3)", .withRealm, .timeLimit(.minutes(2)),
    .covers(
        .createSession, .destroySession, .destroyClientID, .sequence, .exchangeID, .backchannelCtl,
        besides: [.perm: "§18.35.4 has it for the update of another principal's record (case 9)"]),
    .covers(
        .bindConnToSession,
        besides: [.wrongCred: "§18.34.3 asks for the machine's credential and has no status of its own for another"]))
struct MachineCredentialTests {
    private let realm: TestRealm
    private let server: InProcessServer
    private let machine: ClientContext
    private let owner = ClientOwner.unique()

    init() async throws {
        realm = try await TestRealm.shared()
        server = try await InProcessServer.start(keytab: realm.keytab, accepting: [.krb5p, .krb5i, .krb5, .sys])
        machine = try await ClientContext(over: server.connect(), ticket: realm.ticket(of: "host/client"))
    }

    private static func set(_ operations: OperationCode...) -> AttributeSet {
        var set = AttributeSet()
        for operation in operations { set.insert(operation.rawValue) }
        return set
    }

    /// What Linux asks for.
    private static let enforced = set(.bindConnToSession, .exchangeID, .createSession, .destroySession, .destroyClientID)
    private static let asked = Operation.StateProtection.machineCredential(
        mustEnforce: enforced,
        mustAllow: set(
            .close, .openDowngrade, .lockU, .delegReturn, .commit, .secInfo, .secInfoNoName, .layoutReturn, .testStateID, .freeStateID,
            .write))

    private func connection(_ context: ClientContext, _ service: Service = .integrity) -> Connection {
        Connection(KerberosExchange(server.connect(), context, service))
    }

    private func context(_ user: String) async throws -> ClientContext {
        try await ClientContext(over: server.connect(), ticket: realm.ticket(of: user))
    }

    /// Everybody who is not the machine, and the machine itself without protection of what it asks.
    private func others() async throws -> [Connection] {
        [
            connection(machine, .none), connection(try await context("alice")), connection(try await context("alice"), .privacy),
            Connection(server.connect()), Connection(server.connect(), credential: .none),
        ]
    }

    private func client(_ protection: Operation.StateProtection = asked) async throws -> ExchangeIDResult {
        try await connection(machine).compound(.exchangeID(owner, protection: protection)).succeeded().exchangeID
    }

    private func session(_ protection: Operation.StateProtection = asked) async throws -> TestSession {
        let client = try await client(protection)
        let session = try await TestSession.establish(over: connection(machine), owner: owner, client: client)
        try await session.run(.reclaimComplete())
        return session
    }

    @Test("is granted for what touches the client and its sessions, and allows what gives back", arguments: [Service.integrity, .privacy])
    func granted(service: Service) async throws {
        let result = try await connection(machine, service).compound(.exchangeID(owner, protection: Self.asked)).succeeded().exchangeID
        #expect(result.protection == 1)
        #expect(result.enforced == Self.enforced)
        #expect(
            result.allowed.bits
                == Self.set(.close, .openDowngrade, .lockU, .delegReturn, .secInfo, .secInfoNoName, .testStateID, .freeStateID).bits)
    }

    @Test("is not granted for other operations")
    func notGranted() async throws {
        let everything = AttributeSet(words: [.max, .max, .max])
        let result = try await client(.machineCredential(mustEnforce: everything, mustAllow: []))
        #expect(
            result.enforced
                == Self.set(.exchangeID, .createSession, .delegPurge, .destroySession, .bindConnToSession, .destroyClientID))
        #expect(result.allowed.bits == [])
    }

    @Test("has to be asked for with integrity or privacy")
    func unprotected() async throws {
        for other in [connection(machine, .none), Connection(server.connect()), Connection(server.connect(), credential: .none)] {
            #expect(try await other.compound(.exchangeID(owner, protection: Self.asked)).outcome == Outcome(.exchangeID, .inval))
        }
    }

    @Test("of a confirmed client stays, whatever it asks for later")
    func staysAsItIs() async throws {
        let session = try await session()
        let none: Operation.ExchangeFlags = []
        for (flags, protection) in [(none, Operation.StateProtection.none), (none, Self.asked), (.updateConfirmedRecord, .none)] {
            let again = try await connection(machine, .privacy).compound(.exchangeID(owner, flags: flags, protection: protection))
            let result = try again.succeeded().exchangeID
            #expect(result.clientID == session.clientID && result.protection == 1 && result.enforced == Self.enforced)
        }
    }

    @Test("leaves the client's name to its machine")
    func otherOwner() async throws {
        _ = try await session()
        for other in try await others() {
            #expect(try await other.compound(.exchangeID(owner)).outcome == Outcome(.exchangeID, .clidInUse))
            let update = try await other.compound(.exchangeID(owner, flags: .updateConfirmedRecord))
            #expect(update.outcome == Outcome(.exchangeID, .perm))
        }
    }

    @Test("lets only the machine make sessions, the first one too")
    func createSession() async throws {
        let client = try await client()
        let request = Operation.createSession(clientID: client.clientID, sequence: client.sequence)
        let first = try await others()
        #expect(try await first[0].compound(request).outcome == Outcome(.createSession, .wrongCred))
        for other in first.dropFirst() { #expect(try await other.compound(request).outcome == Outcome(.createSession, .clidInUse)) }
        let created = try await connection(machine).compound(request).succeeded().session
        let next = Operation.createSession(clientID: client.clientID, sequence: created.sequence + 1)
        for other in first {
            #expect(try await other.compound(next).outcome == Outcome(.createSession, .wrongCred))
            // Not the reply to the machine either.
            #expect(try await other.compound(request).outcome == Outcome(.createSession, .wrongCred))
        }
        // The machine in another context.
        #expect(try await connection(try await context("host/client"), .privacy).compound(next).status == .ok)
    }

    @Test("lets only the machine end sessions and the client")
    func destruction() async throws {
        let session = try await session()
        for other in try await others() {
            #expect(try await other.compound(.destroySession(session.id)).outcome == Outcome(.destroySession, .wrongCred))
            #expect(try await other.compound(.destroyClientID(session.clientID)).outcome == Outcome(.destroyClientID, .wrongCred))
        }
        #expect(try await session.connection.compound(.destroySession(session.id)).status == .ok)
        #expect(try await connection(machine).compound(.destroyClientID(session.clientID)).status == .ok)
    }

    @Test("lets only the machine add connections, which others may use then")
    func connections() async throws {
        let session = try await session()
        let alice = connection(try await context("alice"))
        let request = [await session.nextSequence()]
        #expect(try await alice.compound(request).outcome == Outcome(.sequence, .connNotBoundToSession))
        let bind = Operation.bindConnToSession(session.id, direction: 1)
        for other in try await others() { #expect(try await other.compound(bind).outcome == Outcome(.bindConnToSession, .wrongCred)) }
        let exchange = try #require(alice.exchange as? KerberosExchange).plain
        _ = try await Connection(KerberosExchange(exchange, machine, .integrity)).compound(bind).succeeded()
        #expect(try await alice.compound(request).status == .ok)
        await session.advance()
        let plain = Connection(exchange)
        #expect(try await session.compound(.putRootFH, over: plain).status == .ok)
    }

    @Test("is enforced for nothing that the client did not ask for")
    func notAskedFor() async throws {
        let session = try await session(.machineCredential(mustEnforce: [], mustAllow: []))
        let alice = connection(try await context("alice"))
        #expect(try await session.compound(.putRootFH, over: alice).status == .ok)
        #expect(try await alice.compound(.bindConnToSession(session.id, direction: 1)).status == .ok)
        let next = Operation.createSession(clientID: session.clientID, sequence: session.nextCreateSequence)
        let created = try await alice.compound(next).succeeded().session
        #expect(try await alice.compound(.destroySession(created.id)).status == .ok)
    }
}
