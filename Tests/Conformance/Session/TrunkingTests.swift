import NFSTestClient
import Testing

@Suite("Trunking (RFC 8881 §2.10.5)")
struct TrunkingTests {
    private func connections(_ count: Int) async throws -> [Connection] {
        var connections: [Connection] = []
        for _ in 0..<count { connections.append(try await newConnection()) }
        return connections
    }

    @Test("session trunking: sixteen connections carry one session at once, each slot over any of them")
    func sessionTrunking() async throws {
        let (reader, directory) = try await newDirectory()
        let session = try await newSession(reclaimComplete: false)
        let connections = try await connections(16)
        // As a client does that is told nconnect=16: every connection finds the same server and the same client.
        for connection in connections {
            let again = try await connection.compound(.exchangeID(session.owner)).succeeded().exchangeID
            #expect(again.clientID == session.clientID && again.flags.contains(.confirmed))
            _ = try await connection.compound(.bindConnToSession(session.id, direction: 1)).succeeded()
        }
        let slots = session.created.fore.maxRequests
        try await withThrowingTaskGroup(of: Void.self) { group in
            for slot in 0..<slots {
                group.addTask {
                    for round in 0..<20 as Range<UInt32> {
                        let connection = connections[Int(slot + round) % connections.count]
                        let sequence = Operation.sequence(session.id, sequence: 1 + round, slot: slot, highestSlot: slots - 1)
                        let name = "\(slot)-\(round)"
                        _ = try await connection.compound(sequence, .putFH(directory), .create(.directory, name)).succeeded()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await reader.entries(directory).count == Int(slots) * 20)
    }

    @Test("client ID trunking: sessions of one client on several connections share its state")
    func clientTrunking() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let other = try await newConnection()
        let client = try await other.compound(.exchangeID(session.owner)).succeeded().exchangeID
        let create = Operation.createSession(clientID: client.clientID, sequence: client.sequence)
        let second = try await other.compound(create).succeeded().session
        #expect(second.id != session.id)
        let write = try await other.compound(.sequence(second.id, sequence: 1), .putFH(file.handle), .write(file.stateID, [1, 2]))
        #expect(write.status == .ok)
        try await session.close(file)
        let late = try await other.compound(.sequence(second.id, sequence: 2), .putFH(file.handle), .write(file.stateID, [1, 2]))
        #expect(late.outcome == Outcome(.write, .badStateID))
    }

    @Test("the server is the same over every connection: owner, scope and minor number")
    func serverOwner() async throws {
        let owner = ClientOwner.unique()
        _ = try await TestSession.establish(over: try await sharedServer().connect(), owner: owner)
        let answers = try await withThrowingTaskGroup(of: ExchangeIDResult.self) { group in
            for _ in 0..<4 { group.addTask { try await newConnection().compound(.exchangeID(owner)).succeeded().exchangeID } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.dropFirst().allSatisfy { $0 == answers[0] })
    }

    @Test("a session lives on when the connection is closed that it was made over")
    func connectionLost() async throws {
        let session = try await newSession()
        let other = try await newConnection()
        await session.connection.close()
        #expect(try await session.compound(.putRootFH, over: other).status == .ok)
    }

    /// Each request is sent over two or three of several connections at the same time, as after a connection that was thought lost, in
    /// an order that chance decides. Whatever wins, it is carried out once, and all answers that are no DELAY are the same.
    @Test("retries that race over several connections are carried out once", arguments: 1...6 as ClosedRange<UInt64>)
    func racingRetries(_ seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let (reader, directory) = try await newDirectory()
        let session = try await newSession(reclaimComplete: false)
        let connections = try await connections(4)
        for round in 0..<40 {
            let requests = (0..<UInt32(4)).map { slot in
                [
                    Operation.sequence(session.id, sequence: UInt32(round) + 1, slot: slot, highestSlot: 3, cacheThis: true),
                    .putFH(directory),
                    .create(.directory, "\(round)-\(slot)"), .getFH,
                ]
            }
            let tries = requests.flatMap { request in
                (0..<Int.random(in: 1...3, using: &generator)).map { _ in (request, connections.randomElement(using: &generator)!) }
            }.shuffled(using: &generator)
            let answers = try await withThrowingTaskGroup(of: (UInt32, CompoundReply).self) { group in
                for (request, connection) in tries {
                    group.addTask {
                        let slot = try slot(of: request[0])
                        var reply = try await connection.compound(request)
                        while reply.outcome == Outcome(.sequence, .delay) { reply = try await connection.compound(request) }
                        return (slot, reply)
                    }
                }
                return try await group.reduce(into: [UInt32: Set<[UInt8]>]()) { $0[$1.0, default: []].insert(try $1.1.succeeded().bytes) }
            }
            #expect(answers.count == 4)
            #expect(answers.values.allSatisfy { $0.count == 1 })
        }
        #expect(try await reader.entries(directory).count == 160)
    }

    private func slot(of sequence: Operation) throws -> UInt32 {
        var decoder = XDRDecoder(sequence.arguments)
        _ = try decoder.fixed(20)
        return try decoder.uint32()
    }
}
