import NFSServer
import NFSTestClient
import NFSTestServer
import Synchronization
import Testing

/// Calls to clients (RFC 8881 §20.9, §2.10.6), made by what is their first purpose: CB_NOTIFY_LOCK (§20.11).
@Suite("Calls over the back channel (RFC 8881 §20.9, §20.11)")
struct BackChannelTests {
    private let server: InProcessServer
    private let connections = Connections()

    /// The connections of a test, which end with it.
    private final class Connections: Sendable {
        private let kept = Mutex([Connection]())

        func keep(_ connection: Connection) -> Connection {
            kept.withLock { $0.append(connection) }
            return connection
        }
    }

    /// - Parameter milliseconds: how long a client may take to answer. A busy machine must not count as a silent client.
    init(milliseconds: Int = 60_000) async throws {
        server = await InProcessServer.start(
            [NameSpace.Entry(pseudoPath: "/export", fileSystem: try memoryFiles())], limits: Limits(callbackMilliseconds: milliseconds))
    }

    /// A client with a back channel that has answered its first call.
    private func client(_ service: CallbackService, back: ChannelAttributes = ChannelAttributes()) async throws -> TestSession {
        let connection = connections.keep(Connection(server.connect(answering: service)))
        let owner = ClientOwner.unique()
        let client = try await connection.compound(.exchangeID(owner)).succeeded().exchangeID
        let session = try await TestSession.establish(
            over: connection, owner: owner, client: client, back: back, callbackSecurity: [.sys(uid: 3, gid: 4)])
        try await eventually("a back channel") { canCall(session) }
        return session
    }

    /// Another connection for both channels.
    private func bind(_ session: TestSession, _ service: CallbackService, direction: UInt32 = 3) async throws -> Connection {
        let connection = connections.keep(Connection(server.connect(answering: service)))
        _ = try await connection.compound(.bindConnToSession(session.id, direction: direction)).succeeded()
        return connection
    }

    private func canCall(_ session: TestSession) -> Bool { server.canCall(session.clientID) }

    private static let owner: [UInt8] = Array("lock owner".utf8)

    /// CB_NOTIFY_LOCK; whether the client has taken note.
    private func notify(_ session: TestSession, owner: [UInt8] = owner) async throws -> Bool {
        await server.notifyLock(session.clientID, file: [1, 2, 3, 4, 5], owner: owner)
    }

    private func flags(_ session: TestSession, over connection: Connection? = nil) async throws -> UInt32 {
        try await session.compound(over: connection).sequence.flags
    }

    /// The calls without the first, which is CB_NULL.
    private func compounds(_ service: CallbackService) -> [CallbackCompound] { service.calls.compactMap(\.compound) }

    private static let down: UInt32 = 0x201
    private static let fault: UInt32 = 0x400

    @Test("CB_NOTIFY_LOCK names the file, the client and the owner, behind a CB_SEQUENCE of the session")
    func notifyLock() async throws {
        let service = CallbackService()
        let session = try await client(service)
        #expect(try await notify(session))
        let call = try await service.calls(2)[1]
        #expect(call.program == Operation.callbackProgram)
        #expect(call.version == 4)
        #expect(call.credential == .sys(uid: 3, gid: 4))
        let compound = try #require(call.compound)
        #expect(compound.tag.isEmpty && compound.minorVersion == 1)
        #expect(compound.session == session.id && compound.slot == 0 && compound.sequence == 1 && compound.highestSlot == 0)
        #expect(compound.notifyLock?.file == FileHandle([1, 2, 3, 4, 5]))
        #expect(compound.notifyLock?.owner == StateOwner(clientID: session.clientID, id: Self.owner))
    }

    @Test("each call has the next sequence id on its slot")
    func sequenceIDs() async throws {
        let service = CallbackService()
        let session = try await client(service)
        for _ in 0..<5 { #expect(try await notify(session)) }
        #expect(compounds(service).map(\.sequence) == [1, 2, 3, 4, 5])
        #expect(compounds(service).allSatisfy { $0.slot == 0 && $0.highestSlot == 0 })
    }

    @Test("calls at the same time have slots of their own, no more than the client offers, and the others wait")
    func slots() async throws {
        var back = ChannelAttributes()
        back.maxRequests = 3
        let service = CallbackService()
        let session = try await client(service, back: back)
        let delivered = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<60 { group.addTask { try await notify(session) } }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(delivered == 60)
        let calls = compounds(service)
        #expect(calls.count == 60 && calls.allSatisfy { $0.slot < 3 && $0.highestSlot < 3 && $0.highestSlot >= $0.slot })
        for slot in 0..<UInt32(3) {
            let sequences = calls.filter { $0.slot == slot }.map(\.sequence)
            #expect(sequences.sorted() == Array(1...max(1, UInt32(sequences.count))).prefix(sequences.count).map { $0 })
        }
    }

    @Test("a client that asks for fewer slots than it offered is called on no others")
    func fewerSlots() async throws {
        let service = CallbackService { _, _ in .slots(highest: 1, target: 0) }
        let session = try await client(service)
        #expect(try await notify(session))
        let delivered = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 { group.addTask { try await notify(session) } }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(delivered == 20)
        #expect(compounds(service).allSatisfy { $0.slot == 0 })
    }

    @Test("a call larger than the client takes, or with a larger answer, is not made", arguments: [true, false])
    func tooLarge(_ call: Bool) async throws {
        var back = ChannelAttributes()
        if call { back.maxRequestSize = 150 } else { back.maxResponseSize = 83 }
        let service = CallbackService()
        let session = try await client(service, back: back)
        #expect(try await !notify(session))
        #expect(service.calls.count == 1)
        #expect(try await flags(session) == 0)
    }

    @Test("a client without a back channel cannot be called")
    func noBackChannel() async throws {
        let session = try await server.session()
        #expect(!canCall(session))
        #expect(try await !notify(session))
    }

    @Test("a call is retried with the same slot and sequence id over another connection when its own is lost, and is done once")
    func retry() async throws {
        // The first time the call is carried out, but the connection ends before the answer.
        let service = CallbackService { call, number in call.compound != nil && number == 1 ? .hangUp : .properly }
        let session = try await client(service)
        let other = try await bind(session, service)
        #expect(try await notify(session))
        let calls = service.calls.filter { $0.compound != nil }
        #expect(calls.map(\.connection) == [0, 1])
        #expect(calls[0].compound == calls[1].compound)
        #expect(service.carriedOut.count == 1)
        #expect(try await flags(session, over: other) == 0)
        #expect(try await notify(session))
        #expect(service.carriedOut.map(\.sequence) == [1, 2])
    }

    @Test("a call without an answer is retried over another connection when the time is up, and a late answer does no harm")
    func silence() async throws {
        let test = try await BackChannelTests(milliseconds: 1000)
        let service = CallbackService { call, _ in call.compound != nil && call.connection == 0 ? .silence : .properly }
        let session = try await test.client(service)
        _ = try await test.bind(session, service)
        for sequence in 1...3 as ClosedRange<UInt32> {
            #expect(try await test.notify(session))
            #expect(compounds(service).last?.sequence == sequence)
        }
        #expect(service.calls.filter { $0.compound != nil }.map(\.connection) == [0, 1, 1, 1])
        #expect(try await test.flags(session) == 0)
    }

    @Test("a call whose only connection is lost is given up, and made again with the same sequence id on the next connection")
    func lostAndBack() async throws {
        let service = CallbackService { _, number in number == 1 ? .hangUp : .properly }
        let session = try await client(service)
        #expect(try await !notify(session))
        #expect(!canCall(session))
        let fore = Connection(server.connect())
        #expect(try await flags(session, over: fore) == Self.down)
        #expect(try await !notify(session), "there is nobody to be called")
        _ = try await bind(session, service)
        try await eventually("a retry") { compounds(service).count == 2 }
        #expect(compounds(service)[0] == compounds(service)[1])
        try await eventually("a back channel") { canCall(session) }
        #expect(try await flags(session, over: fore) == 0)
        #expect(try await notify(session))
        #expect(service.carriedOut.map(\.sequence) == [1, 2])
    }

    @Test("a client that falls silent has lost its back channel until it binds a connection again, be it the same")
    func silentForGood() async throws {
        let test = try await BackChannelTests(milliseconds: 1000)
        let service = CallbackService { _, number in (1...2).contains(number) ? .silence : .properly }
        let session = try await test.client(service)
        #expect(try await !test.notify(session))
        #expect(try await test.flags(session) == Self.down)
        _ = try await session.connection.compound(.bindConnToSession(session.id, direction: 3)).succeeded()
        #expect(try await test.flags(session) == 0, "as long as it is tried out nothing is said")
        try await eventually("another failure") { try await test.flags(session) == Self.down }
        _ = try await session.connection.compound(.bindConnToSession(session.id, direction: 3)).succeeded()
        try await eventually("a back channel") { test.canCall(session) }
        try await eventually("the retry") { service.carriedOut.count == 1 }
        #expect(try await test.notify(session))
        #expect(service.carriedOut.map(\.sequence) == [1, 2])
    }

    @Test("a client that asks to wait is asked again on the same slot with the same sequence id (§2.10.6.2)")
    func delay() async throws {
        let service = CallbackService { _, number in (1...3).contains(number) ? .refusal(.delay) : .properly }
        let session = try await client(service)
        #expect(try await notify(session))
        #expect(Set(compounds(service).map(\.sequence)) == [1])
        #expect(compounds(service).count == 4)
        #expect(try await flags(session) == 0)
    }

    @Test("a slot the client does not have is not used any more, and its call takes another", arguments: [Status.badSlot, .badHighSlot])
    func retiredSlot(_ status: Status) async throws {
        let service = CallbackService { call, _ in
            guard let compound = call.compound else { return .properly }
            let refused = status == .badSlot ? compound.slot > 0 : compound.highestSlot > 0
            return refused ? .refusal(status) : .properly
        }
        let session = try await client(service)
        let delivered = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 { group.addTask { try await notify(session) } }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(delivered == 20)
        #expect(service.carriedOut.count == 20)
        #expect(try await flags(session) == 0)
    }

    @Test(
        "a client that has lost the session or the sequence is told BACKCHANNEL_FAULT, and not called in this session any more",
        arguments: [
            .refusal(.badSession), .refusal(.seqMisordered), .refusal(.seqFalseRetry),
            .message([1, 0, 0, 0, 0, 7, 7].flatMap { [0, 0, 0, $0] }),
        ]
            as [CallbackService.Answer])
    func fault(_ answer: CallbackService.Answer) async throws {
        let service = CallbackService { call, _ in call.compound == nil ? .properly : answer }
        let session = try await client(service)
        #expect(try await !notify(session))
        #expect(try await flags(session) == Self.fault)
        #expect(try await !notify(session))
        #expect(service.calls.count == 2)
        #expect(!canCall(session))
        // A new session begins anew.
        let create = Operation.createSession(
            clientID: session.clientID, sequence: session.nextCreateSequence, flags: Operation.createSessionBackChannel)
        let second = try await session.connection.compound(create).succeeded().session
        try await eventually("a back channel") { canCall(session) }
        #expect(try await session.connection.compound(.sequence(second.id, sequence: 1)).sequence.flags == 0)
        #expect(try await flags(session) == Self.fault)
        #expect(try await session.connection.compound(.destroySession(session.id)).status == .ok)
        #expect(try await session.connection.compound(.sequence(second.id, sequence: 2)).sequence.flags == 0)
    }

    @Test(
        "a call the client cannot take is given up, and its slot goes on where it was",
        arguments: [Status.reqTooBig, .repTooBig, .repTooBigToCache, .tooManyOps])
    func refusedCall(_ status: Status) async throws {
        let service = CallbackService { _, number in number == 1 ? .refusal(status) : .properly }
        let session = try await client(service)
        #expect(try await !notify(session))
        #expect(try await notify(session))
        #expect(compounds(service).map(\.sequence) == [1, 1])
        #expect(try await flags(session) == 0)
    }

    @Test("an operation that fails was made known to nobody, and the slot goes on", arguments: [Status.notSupp, .badHandle, .badStateID])
    func failedOperation(_ status: Status) async throws {
        let service = CallbackService { _, number in number == 1 ? .outcome(status) : .properly }
        let session = try await client(service)
        #expect(try await !notify(session))
        #expect(try await notify(session))
        #expect(compounds(service).map(\.sequence) == [1, 2])
        #expect(try await flags(session) == 0)
    }

    @Test("a client that does not take a call over a connection it bound is called over another one")
    func notBoundThere() async throws {
        let service = CallbackService { call, _ in
            call.connection == 0 && call.compound != nil ? .refusal(.connNotBoundToSession) : .properly
        }
        let session = try await client(service)
        _ = try await bind(session, service)
        #expect(try await notify(session))
        #expect(service.calls.filter { $0.compound != nil }.map(\.connection) == [0, 1])
    }

    @Test("a client with several sessions is called by one that works")
    func anotherSession() async throws {
        let test = try await BackChannelTests(milliseconds: 1000)
        let silent = CallbackService { call, _ in call.compound == nil ? .properly : .silence }
        let first = try await test.client(silent)
        let service = CallbackService()
        let connection = Connection(test.server.connect(answering: service))
        let create = Operation.createSession(
            clientID: first.clientID, sequence: first.nextCreateSequence, flags: Operation.createSessionBackChannel)
        _ = try await connection.compound(create).succeeded()
        _ = try await service.calls(1)
        try await eventually("a delivery") { try await test.notify(first) }
        #expect(service.carriedOut.count == 1)
    }

    @Test("a destroyed session makes an end of its calls, and so does a client that starts anew", arguments: [true, false])
    func destroyed(_ restarts: Bool) async throws {
        let service = CallbackService { call, _ in call.compound == nil ? .properly : .silence }
        let session = try await client(service)
        async let delivered = notify(session)
        _ = try await service.calls(2)
        if restarts {
            let client = try await session.connection.compound(.exchangeID(session.owner.restarted())).succeeded().exchangeID
            _ = try await session.connection.compound(.createSession(clientID: client.clientID, sequence: client.sequence)).succeeded()
        } else {
            #expect(try await session.connection.compound(.destroySession(session.id)).status == .ok)
        }
        #expect(try await !delivered)
        #expect(!canCall(session))
    }

    @Test("a client that never answers has no more than a bounded number of calls waiting")
    func boundedQueue() async throws {
        let test = try await BackChannelTests(milliseconds: 1000)
        let service = CallbackService { call, _ in call.compound == nil ? .properly : .silence }
        let session = try await test.client(service)
        let delivered = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<400 { group.addTask { try await test.notify(session) } }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(delivered == 0)
        #expect(service.calls.count <= 17)
    }

    /// Connections come and go, the client hangs up, falls silent, asks to wait: each call that is reported delivered was carried out, none
    /// is carried out twice, and in the end all is well.
    @Test("histories of an unreliable client", arguments: 1...3 as ClosedRange<UInt64>)
    func history(_ seed: UInt64) async throws {
        let test = try await BackChannelTests(milliseconds: 300)
        let generator = Mutex(SeededGenerator(seed: seed))
        let isReliable = Mutex(false)
        let service = CallbackService { call, _ in
            guard call.compound != nil, !isReliable.withLock({ $0 }) else { return .properly }
            switch generator.withLock({ Int.random(in: 0..<12, using: &$0) }) {
            case 0: return .hangUp
            case 1: return .silence
            case 2: return .refusal(.delay)
            default: return .properly
            }
        }
        let session = try await test.client(service)
        var delivered: [[UInt8]] = []
        for round in 0..<12 {
            let owners = (0..<5).map { Array("\(round) \($0)".utf8) }
            let fore = Connection(test.server.connect())
            if try await test.flags(session, over: fore) != 0 || round % 4 == 0 {
                _ = try await test.bind(session, service)
            }
            delivered += try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
                for owner in owners { group.addTask { try await test.notify(session, owner: owner) ? owner : nil } }
                return try await group.reduce(into: []) { if let owner = $1 { $0.append(owner) } }
            }
        }
        isReliable.withLock { $0 = true }
        _ = try await test.bind(session, service)
        try await eventually("a delivery") { try await test.notify(session) }
        let carriedOut = service.carriedOut.compactMap(\.notifyLock?.owner.id)
        #expect(Set(delivered).isSubset(of: Set(carriedOut)))
        #expect(!delivered.isEmpty)
        let slots = Dictionary(grouping: service.carriedOut, by: \.slot)
        for calls in slots.values { #expect(calls.map(\.sequence) == Array(1...UInt32(calls.count))) }
    }
}
