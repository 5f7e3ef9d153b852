import NFSTestClient
import Synchronization
import Testing

@Suite("Fifty clients open, lock and close one file at random (RFC 8881 §9)")
struct ManyClientsTests {
    private static let clients = 50

    /// A new directory's file, and clients that know it.
    private func clientsOfOneFile() async throws -> (FileHandle, [TestSession]) {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        var clients: [TestSession] = []
        for _ in 0..<Self.clients { clients.append(try await newSession()) }
        return (file, clients)
    }

    @Test("one after the other, every answer is the model's", .timeLimit(.minutes(3)), arguments: [1, 2] as [UInt64])
    func agreesWithModel(_ seed: UInt64) async throws {
        let (file, clients) = try await clientsOfOneFile()
        var history = LockingHistory(file: file, clients: clients, random: SeededGenerator(seed: seed))
        for _ in 0..<Self.clients * 300 { try await history.step() }
        // A history in which nothing of interest happened shows nothing.
        for outcome in LockingHistory.interesting { #expect(history.seen[outcome, default: 0] > 20, "\(outcome)") }
    }

    @Test("all at once, locks exclude each other, and in the end nothing is held", .timeLimit(.minutes(3)), arguments: [1, 2] as [UInt64])
    func excludesEachOther(_ seed: UInt64) async throws {
        let (file, clients) = try await clientsOfOneFile()
        let witness = LockWitness()
        let granted = try await withThrowingTaskGroup(of: Int.self) { group in
            for (number, client) in clients.enumerated() {
                let random = SeededGenerator(seed: seed << 8 | UInt64(number))
                group.addTask { try await freeRun(client, number, file, witness, random) }
            }
            return try await group.reduce(0, +)
        }
        #expect(granted > 200)
        let last = try await newSession()
        let open = try await last.run(.putFH(file), .open(.fileHandle, deny: .both)).open.stateID
        try await last.run(.putFH(file), .lock(.write, .open(open, "last")))
    }

    /// Opens, locks and unlocks parts of the file and closes it, over and over.
    /// - Returns: how many locks were granted.
    private func freeRun(
        _ client: TestSession, _ number: Int, _ file: FileHandle, _ witness: LockWitness, _ random: SeededGenerator
    ) async throws -> Int {
        var random = random
        var granted = 0
        for round in 0..<20 {
            var stateID = try await client.run(.putFH(file), .open(.fileHandle)).open.stateID
            #expect(stateID.seqid == 1, "the open before was closed")
            let open = stateID
            var holds: [(parts: Range<Int>, type: LockType)] = []
            for attempt in 0..<6 {
                let parts = LockingModel.randomParts(&random)
                let type = Bool.random(using: &random) ? LockType.write : .read
                let (offset, length) = LockingModel.range(parts)
                guard !holds.contains(where: { $0.parts.overlaps(parts) }) else { continue }
                let locker = stateID == open ? Operation.Locker.open(open, "owner") : .lock(stateID)
                let reply = try await client.compound(.putFH(file), .lock(type, offset: offset, length: length, locker))
                guard reply.status == .ok else {
                    #expect(reply.outcome == Outcome(.lock, .denied), "\(number) \(round) \(attempt)")
                    continue
                }
                stateID = try reply.stateID
                witness.take(parts, type)
                holds.append((parts, type))
                granted += 1
            }
            // Some are given back one by one, the rest goes with the open.
            for hold in holds where Bool.random(using: &random) {
                let (offset, length) = LockingModel.range(hold.parts)
                witness.release(hold.parts, hold.type)
                stateID = try await client.run(.putFH(file), .lockU(stateID, offset: offset, length: length)).stateID
                holds.removeAll { $0.parts == hold.parts }
            }
            for hold in holds { witness.release(hold.parts, hold.type) }
            try await client.run(.putFH(file), .close(open))
        }
        return granted
    }
}

/// Sees that nobody holds what another excludes: a holder is entered once it has its lock, and leaves before it gives it back.
private final class LockWitness: Sendable {
    private struct Part {
        var readers = 0
        var writers = 0
    }

    private let parts = Mutex([Part](repeating: Part(), count: LockingModel.bounds.count))

    func take(_ range: Range<Int>, _ type: LockType) {
        parts.withLock { parts in
            for part in range {
                if type == .write { parts[part].writers += 1 } else { parts[part].readers += 1 }
                let isExclusive = parts[part].writers == 0 || parts[part].writers == 1 && parts[part].readers == 0
                #expect(isExclusive, "part \(part) is locked by \(parts[part])")
            }
        }
    }

    func release(_ range: Range<Int>, _ type: LockType) {
        parts.withLock { parts in
            for part in range { if type == .write { parts[part].writers -= 1 } else { parts[part].readers -= 1 } }
        }
    }
}

extension LockingModel {
    /// Mostly a few parts, at times many.
    static func randomParts(_ random: inout SeededGenerator) -> Range<Int> {
        let first = Int.random(in: 0..<bounds.count, using: &random)
        let longest = Int.random(in: 0..<8, using: &random) == 0 ? bounds.count : 3
        return first..<Int.random(in: first + 1...min(first + longest, bounds.count), using: &random)
    }
}

/// Steps of random clients, one after the other, each held against the model.
private struct LockingHistory {
    let file: FileHandle
    let clients: [TestSession]
    private var random: SeededGenerator
    private var model = LockingModel()
    private var names: Set<[UInt8]> = []
    /// How often an operation came to a status.
    private(set) var seen: [String: Int] = [:]

    static let interesting = [
        "open ok", "open shareDenied", "openDowngrade ok", "openDowngrade inval", "close ok", "close oldStateID", "lock ok", "lock denied",
        "lock openMode", "lockU ok", "lockT ok", "lockT denied",
    ]

    init(file: FileHandle, clients: [TestSession], random: SeededGenerator) {
        self.file = file
        self.clients = clients
        self.random = random
    }

    mutating func step() async throws {
        let client = Int.random(in: 0..<clients.count, using: &random)
        guard let open = model.opens[client] else { return try await self.open(client) }
        switch Int.random(in: 0..<16, using: &random) {
        case 0: try await self.open(client)
        case 1: try await downgrade(client, open)
        case 2, 3: try await close(client, open)
        case 4...9: try await lock(client, open)
        case 10...13: try await unlock(client)
        default: try await test(client)
        }
    }

    /// Sends one operation on the file, which must come to `status`.
    private mutating func send(_ client: Int, _ operation: Operation, _ status: Status) async throws -> CompoundReply {
        let reply = try await clients[client].compound(.putFH(file), operation)
        let outcome = try #require(reply.outcome)
        seen[outcome.description, default: 0] += 1
        try #require(reply.status == status, "client \(client): \(outcome)")
        return reply
    }

    private mutating func open(_ client: Int) async throws {
        let access = [Share.read, .write, .both, .both].randomElement(using: &random)!
        let deny = Int.random(in: 0..<20, using: &random) == 0 ? [Share.read, .write, .both].randomElement(using: &random)! : .none
        let status = model.statusOfOpen(access: access, deny: deny)
        let reply = try await send(client, .open(.fileHandle, access: access, deny: deny), status)
        guard status == .ok else { return }
        let stateID = try reply.open.stateID
        if let before = model.opens[client]?.stateID {
            #expect(stateID == before.with(seqid: before.seqid + 1))
        } else {
            #expect(stateID.seqid == 1 && names.insert(stateID.other).inserted, "a name is used again")
        }
        model.open(client, access: access, deny: deny, stateID)
    }

    private mutating func downgrade(_ client: Int, _ open: LockingModel.Open) async throws {
        let access = [Share.read, .write, .both].randomElement(using: &random)!
        let deny = Bool.random(using: &random) ? open.deny : .none
        let status = model.statusOfDowngrade(client, access: access, deny: deny)
        let reply = try await send(client, .openDowngrade(open.stateID, access: access, deny: deny), status)
        guard status == .ok else { return }
        #expect(try reply.stateID == open.stateID.with(seqid: open.stateID.seqid + 1))
        model.downgrade(client, access: access, deny: deny, try reply.stateID)
    }

    private mutating func close(_ client: Int, _ open: LockingModel.Open) async throws {
        if open.stateID.seqid > 1, Bool.random(using: &random) {
            _ = try await send(client, .close(open.stateID.with(seqid: open.stateID.seqid - 1)), .oldStateID)
        }
        let seqid = Bool.random(using: &random) ? open.stateID.seqid : 0
        _ = try await send(client, .close(open.stateID.with(seqid: seqid)), .ok)
        model.close(client)
    }

    private mutating func locker(_ client: Int) -> (LockingModel.Locker, StateOwner) {
        let owner = Int.random(in: 0..<2, using: &random)
        return (LockingModel.Locker(client: client, owner: owner), StateOwner(id: Array("lock owner \(owner)".utf8)))
    }

    private mutating func type() -> LockType { Int.random(in: 0..<3, using: &random) == 0 ? .write : .read }

    private mutating func lock(_ client: Int, _ open: LockingModel.Open) async throws {
        let (locker, name) = locker(client)
        let (type, parts) = (type(), LockingModel.randomParts(&random))
        let (offset, length) = LockingModel.range(parts)
        let status = model.statusOfLock(locker, type, parts)
        let before = model.lockStateIDs[locker]
        let by = before.map { Operation.Locker.lock($0) } ?? .open(open.stateID, name)
        let reply = try await send(client, .lock(type, offset: offset, length: length, by), status)
        if status == .denied { return try checkDenial(reply, locker, type, parts) }
        guard status == .ok else { return }
        let stateID = try reply.stateID
        if let before {
            #expect(stateID == before.with(seqid: before.seqid + 1))
        } else {
            #expect(stateID.seqid == 1 && names.insert(stateID.other).inserted, "a name is used again")
        }
        model.lock(locker, type, parts, stateID)
    }

    private mutating func unlock(_ client: Int) async throws {
        let (locker, _) = locker(client)
        guard let before = model.lockStateIDs[locker] else { return }
        let parts = LockingModel.randomParts(&random)
        let (offset, length) = LockingModel.range(parts)
        let reply = try await send(client, .lockU(before, offset: offset, length: length), .ok)
        #expect(try reply.stateID == before.with(seqid: before.seqid + 1))
        model.unlock(locker, parts, try reply.stateID)
    }

    private mutating func test(_ client: Int) async throws {
        let (locker, name) = locker(client)
        let (type, parts) = (type(), LockingModel.randomParts(&random))
        let (offset, length) = LockingModel.range(parts)
        let status = model.statusOfTest(locker, type, parts)
        let reply = try await send(client, .lockT(type, offset: offset, length: length, owner: name), status)
        if status == .denied { try checkDenial(reply, locker, type, parts) }
    }

    /// The lock that a denial names is there, and in the way.
    private func checkDenial(_ reply: CompoundReply, _ locker: LockingModel.Locker, _ type: LockType, _ parts: Range<Int>) throws {
        let denied = try reply.lockDenied
        let client = try #require(clients.firstIndex { $0.clientID == denied.owner.clientID })
        let owner = denied.owner.id.last == UInt8(ascii: "0") ? 0 : 1
        let holder = LockingModel.Locker(client: client, owner: owner)
        #expect(model.isTrue(denied, by: holder, against: locker, type, parts), "\(denied)")
    }
}
