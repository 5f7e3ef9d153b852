import ArgumentParser
import CMalloc
import Foundation
import KerberosLab
import NFSServer
import NFSTestClient
import NFSTestServer
import Synchronization

/// Makes contexts with Kerberos by the hundred, uses, abuses and ends them, and looks at the memory that is in use before and after.
/// In valgrind's memcheck it also shows what libkrb5 is handed wrongly, and what it is not given back.
@main
struct SecurityMemory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "security-memory", abstract: "Shows that contexts leave no memory behind, however they are used and end.",
        subcommands: [Run.self, Look.self])

    /// Waits for `body` where the main thread is needed: that of an asynchronous program ends up in a system call that valgrind cannot
    /// make.
    static func wait(for body: @escaping @Sendable () async throws -> Void) throws {
        let ended = DispatchSemaphore(value: 0)
        let outcome = Mutex<Result<Void, any Error>>(.success(()))
        Task {
            do { try await body() } catch { outcome.withLock { $0 = .failure(error) } }
            ended.signal()
        }
        ended.wait()
        try outcome.withLock { $0 }.get()
    }
}

/// Makes a realm, and has another process look: Foundation starts no process in valgrind.
struct Run: ParsableCommand {
    @Option(help: "How often everything is done between the two looks, and as often before the first: at least 70, to fill all caches.")
    var rounds = 200

    @Argument(parsing: .postTerminator, help: "What the process that looks is to run in, such as valgrind and its options.")
    var command: [String] = []

    func run() throws {
        try SecurityMemory.wait { [command, rounds] in
            let realm = try await TestRealm.shared()
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments =
                realm.environment + command + [
                    CommandLine.arguments[0], "look", "\(rounds)", realm.keytab, try await realm.ticket(of: "alice"),
                    try await realm.ticket(of: "alice", for: "nfs/legacy"),
                ]
            try process.run()
            process.waitUntilExit()
            guard process.terminationReason == .exit, process.terminationStatus == 0 else { throw ExitCode.failure }
        }
    }
}

struct Look: ParsableCommand {
    static let configuration = CommandConfiguration(shouldDisplay: false)

    @Argument var rounds: Int
    @Argument var keytab: String
    @Argument var ticket: String
    @Argument var ticketOfOldCipher: String

    /// Bytes that may be in use afterwards and were not before: what other threads happen to have in hand. It is less than 200 for each
    /// of the contexts.
    private static let tolerance = 256 * 1024

    func run() throws {
        let succeeded = Mutex(false)
        try SecurityMemory.wait {
            do {
                try await look()
                succeeded.withLock { $0 = true }
            } catch {
                print("security-memory: \(error)")
            }
        }
        fflush(nil)
        // Threads may still end contexts, which libkrb5 does not allow once it was told that the process ends.
        _exit(succeeded.withLock { $0 } ? 0 : 1)
    }

    private func look() async throws {
        let abuse = try await Abuse(keytab: keytab, ticket: ticket, ticketOfOldCipher: ticketOfOldCipher)
        try await use(abuse)
        let before = mallinfo2().uordblks
        try await use(abuse)
        let grown = Int(mallinfo2().uordblks) - Int(before)
        print("\(rounds * Abuse.contextsInRound) contexts: \(grown) bytes more in use than before")
        guard grown <= Self.tolerance else { throw Failure(description: "contexts leave memory behind") }
    }

    private func use(_ abuse: Abuse) async throws {
        for _ in 0..<rounds { try await abuse.round() }
        // The runtime keeps the timer of a call to a client until its time comes, though it was cancelled.
        try await Task.sleep(for: .milliseconds(Limits().callbackMilliseconds))
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
}

/// Everything a client may do with a context, and much it may not, against an engine in this process.
struct Abuse {
    static let contextsInRound = 7

    private let ticket: String
    private let ticketOfOldCipher: String
    private let time = ManualTime()
    private let server: InProcessServer

    init(keytab: String, ticket: String, ticketOfOldCipher: String) async throws {
        self.ticket = ticket
        self.ticketOfOldCipher = ticketOfOldCipher
        server = try await InProcessServer.start(
            keytab: keytab, accepting: [.krb5p, .krb5i, .krb5], limits: Limits(securityContexts: 3), time: time)
    }

    func round() async throws {
        let connection = server.connect()
        try await round(over: connection)
        await connection.close()
    }

    private func round(over connection: any RPCExchange) async throws {
        try await spoilTokens(over: connection)
        for service in Service.allCases {
            let context = try await ClientContext(over: connection, ticket: ticket)
            try await use(context, service, over: connection)
            for change in Self.changes { try await refuse(context, service, change, over: connection) }
            try await replay(context, service, over: connection)
            try await beCalled(in: context, service)
            try await end(context, service, over: connection)
        }
        // More than there is room for, of which one is made in several steps and one with an old cipher.
        _ = try await ClientContext(over: connection, ticket: ticket, flags: ClientContext.dceStyle)
        let old = try await ClientContext(over: connection, ticket: ticketOfOldCipher, service: "nfs/legacy@\(TestRealm.name)")
        try await use(old, .privacy, over: connection)
        _ = try await ClientContext(over: connection, ticket: ticket)
        let last = try await ClientContext(over: connection, ticket: ticket)
        time.advance(by: .seconds(24 * 3600))
        guard case .authError = try await Connection(KerberosExchange(connection, last, .none)).call(procedure: 0).body else {
            throw Failure(description: "a context outlives its ticket")
        }
    }

    private func use(_ context: ClientContext, _ service: Service, over connection: any RPCExchange) async throws {
        let connection = Connection(KerberosExchange(connection, context, service))
        for size in [0, 1, 1000, 200_000] {
            let tag = [UInt8](repeating: 7, count: size)
            guard try await connection.compound([], tag: tag).tag == tag else { throw Failure(description: "another tag comes back") }
        }
    }

    /// A client that is called in the context: it answers with what is not proved to be its own, before it answers at all, and refuses the
    /// context in the end.
    private func beCalled(in context: ClientContext, _ service: Service) async throws {
        let handle = [UInt8](repeating: 7, count: 380)
        let contexts = CallbackContexts { _, _, reply in
            var replies = [reply, reply, reply]
            replies[0].verifier.body[20] ^= 1
            if service != .none { replies[1].results[20] ^= 1 }
            return replies
        }
        contexts.add(context, as: handle)
        let denial: [UInt8] = [1, 1, 1, 14].flatMap { [0, 0, 0, $0] }
        let callbacks = CallbackService(protection: contexts) { _, number in number < 3 ? .properly : .message(denial) }
        let connection = Connection(KerberosExchange(server.connect(answering: callbacks), context, service))
        let client = try await connection.compound(.exchangeID(.unique())).succeeded().exchangeID
        let session = try await TestSession.establish(
            over: connection, owner: .unique(), client: client,
            callbackSecurity: [.gss(handle: context.handle, service: service.rawValue, clientHandle: handle)])
        try await eventually("a back channel") { server.canCall(client.clientID) }
        for isAnswered in [true, true, false] {
            guard await server.notifyLock(client.clientID, file: [1, 2, 3], owner: [4]) == isAnswered else {
                throw Failure(description: "a call to a client does not end as it should")
            }
        }
        _ = try await connection.compound(.destroySession(session.id)).succeeded()
        _ = try await connection.compound(.destroyClientID(client.clientID)).succeeded()
        await connection.close()
    }

    // MARK: Abuse

    private typealias Change = @Sendable (inout RPCCall) -> Void

    private static let changes: [Change] = [
        { $0.verifier.body[$0.verifier.body.count - 1] ^= 1 },
        { $0.verifier.body = [] },
        { $0.verifier.body = [UInt8](repeating: 0, count: 400) },
        { $0.credential.body[20] ^= 1 },
        { $0.credential.body.removeLast(4) },
        { $0.xid &+= 1 },
    ]

    /// What spoils the arguments alone, so that the header is believed.
    private static let spoiledArguments: [Change] = [
        { $0.arguments[$0.arguments.count - 5] ^= 1 },
        { $0.arguments[9] ^= 1 },
        { $0.arguments.removeLast(8) },
        { $0.arguments += [0, 0, 0, 0] },
        { $0.arguments = [] },
        { $0.arguments = [0, 0, 0, 1, 5, 0, 0, 0] },
    ]

    private func call(_ context: ClientContext, _ service: Service, sequence: UInt32) throws -> RPCCall {
        let plain = RPCCall(xid: Connection.newXID(), procedure: 1, arguments: Connection.compoundArguments([], tag: [1, 2, 3]))
        return try context.protect(plain, service, sequence: sequence)
    }

    private func refuse(
        _ context: ClientContext, _ service: Service, _ change: @escaping Change, over connection: any RPCExchange
    ) async throws {
        for change in [change] + (service == .none ? [] : Self.spoiledArguments) {
            var call = try call(context, service, sequence: context.nextSequence())
            change(&call)
            if case .success = try CheckedReply(try await connection.exchange(call.bytes)).body {
                throw Failure(description: "a spoiled call is carried out")
            }
        }
    }

    private func replay(_ context: ClientContext, _ service: Service, over connection: any RPCExchange) async throws {
        let call = try call(context, service, sequence: context.nextSequence())
        _ = try await connection.exchange(call.bytes)
        do {
            _ = try await connection.exchange(call.bytes)
            throw Failure(description: "a call is answered twice")
        } catch ConnectionError.timedOut {}
    }

    private func end(_ context: ClientContext, _ service: Service, over connection: any RPCExchange) async throws {
        let sequence = context.nextSequence()
        let call = try context.protect(
            RPCCall(xid: Connection.newXID(), procedure: 0, arguments: []), service, sequence: sequence,
            procedure: ControlProcedure.destroy)
        _ = try context.open(CheckedReply(try await connection.exchange(call.bytes)), service, sequence: sequence)
    }

    private func spoilTokens(over connection: any RPCExchange) async throws {
        let token = try ClientContext.firstToken(ticket: ticket)
        for count in [0, 1, 17, 40, token.count / 2, token.count - 1] { try await send(Array(token.prefix(count)), over: connection) }
        for index in stride(from: 0, to: token.count, by: 37) {
            var spoiled = token
            spoiled[index] ^= 0x10
            try await send(spoiled, over: connection)
        }
        // A context that is begun and left.
        try await send(try ClientContext.firstToken(ticket: ticket, flags: ClientContext.dceStyle), over: connection)
    }

    private func send(_ token: [UInt8], over connection: any RPCExchange) async throws {
        var arguments = XDREncoder()
        arguments.opaque(token)
        let credential = ClientContext.credential(ControlProcedure.initialize, 0, .none, [])
        let call = RPCCall(xid: Connection.newXID(), procedure: 0, credential: credential, arguments: arguments.bytes)
        _ = try await connection.exchange(call.bytes)
    }
}
