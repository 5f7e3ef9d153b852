import NFSProtocol
import NFSState
import Testing

/// Random histories of OPEN, OPEN_DOWNGRADE and CLOSE whose requests and replies overtake each other, against a model.
///
/// What is shown: the seqid of a share reservation counts up by exactly one with each change, in the order the changes took
/// place; after CLOSE the next OPEN has a name never used before; nothing but the latest stateid closes or downgrades.
struct OpenHistoryTests {
    /// One open-owner on one file. Several openers of its client work through it and share what they learn from replies.
    struct Key: Hashable {
        let client: Int
        let owner: UInt8
        let file: UInt8
    }

    struct Reservation {
        var stateID: StateID
        var asked: [(access: UInt32, deny: UInt32)]
        var access: UInt32 { asked.reduce(0) { $0 | $1.access } }
        var deny: UInt32 { asked.reduce(0) { $0 | $1.deny } }
    }

    enum Request {
        case open(access: UInt32, deny: UInt32)
        case downgrade(StateID, access: UInt32, deny: UInt32)
        case close(StateID)
    }

    /// The server as a dictionary.
    struct Model {
        var held: [Key: Reservation] = [:]
        var names: Set<StateID.Other> = []

        /// - Returns: the status, and the seqid of the new stateid when one is to be returned; its name, when it had one.
        func expect(_ request: Request, _ key: Key) -> (NFSStatus, seqid: UInt32?, name: StateID.Other?) {
            switch request {
            case .open(let access, let deny):
                for (other, reservation) in held where other.file == key.file {  // its own is no exception (§9.7)
                    if access & reservation.deny != 0 || deny & reservation.access != 0 { return (.shareDenied, nil, nil) }
                }
                guard let own = held[key] else { return (.ok, 1, nil) }
                return (.ok, own.stateID.seqid + 1, own.stateID.other)
            case .downgrade(let stateID, let access, let deny):
                guard let own = held[key], own.stateID.other == stateID.other else { return (.badStateid, nil, nil) }
                guard stateID.seqid == own.stateID.seqid || stateID.seqid == 0 else { return (.oldStateid, nil, nil) }
                guard access != 0, canNarrow(own, access, deny) else { return (.inval, nil, nil) }
                return (.ok, own.stateID.seqid + 1, own.stateID.other)
            case .close(let stateID):
                guard let own = held[key], own.stateID.other == stateID.other else { return (.badStateid, nil, nil) }
                return (stateID.seqid == own.stateID.seqid || stateID.seqid == 0 ? .ok : .oldStateid, nil, nil)
            }
        }

        /// Tries every subset of what was asked for.
        private func canNarrow(_ own: Reservation, _ access: UInt32, _ deny: UInt32) -> Bool {
            let distinct = Set(own.asked.map { $0.access << 2 | $0.deny }).sorted()
            return (0..<1 << distinct.count).contains { subset in
                let union = distinct.indices.reduce(UInt32(0)) { $0 | (subset >> $1 & 1 == 1 ? distinct[$1] : 0) }
                return union == access << 2 | deny
            }
        }

        mutating func apply(_ request: Request, _ key: Key, _ stateID: StateID?) {
            switch request {
            case .open(let access, let deny):
                guard let stateID else { return }
                held[key, default: Reservation(stateID: stateID, asked: [])].asked.append((access, deny))
                held[key]?.stateID = stateID
                names.insert(stateID.other)
            case .downgrade(_, let access, let deny):
                guard let stateID else { return }
                held[key]?.asked.removeAll { $0.access & ~access != 0 || $0.deny & ~deny != 0 }
                held[key]?.stateID = stateID
            case .close: held[key] = nil
            }
        }
    }

    @Test(arguments: 1...40) func openersRace(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var table = clientTable()
        let clients = try ["a", "b"].map { try table.connect($0).client }
        var states = FileStates(instance: instance, shard: 3, limits: StateLimits())
        var model = Model()
        var inFlight: [(Key, Request)] = []
        var replies: [(Key, StateID)] = []
        var known: [Key: [StateID]] = [:]
        var done: [NFSStatus: Int] = [:]

        for _ in 0..<600 {
            switch random.below(5) {
            case 0, 1:
                let key = Key(client: random.below(2), owner: UInt8(random.below(2)), file: UInt8(random.below(2)))
                inFlight.append((key, request(key, known, &random)))
            case 2 where !replies.isEmpty:
                let (key, stateID) = replies.remove(at: random.below(replies.count))
                known[key, default: []].append(stateID)
            default:
                guard !inFlight.isEmpty else { continue }
                let (key, request) = inFlight.remove(at: random.below(inFlight.count))
                let (status, seqid, name) = model.expect(request, key)
                let (actual, stateID) = run(request, key, clients[key.client], &states)
                try #require(actual == status, "\(request) of \(key)")
                done[status, default: 0] += 1
                #expect(stateID?.seqid == seqid)
                if let stateID {
                    #expect(name == nil ? !model.names.contains(stateID.other) : name == stateID.other)
                    replies.append((key, stateID))
                }
                if status == .ok { model.apply(request, key, stateID) }
                try states.checkInvariants()
                for (index, client) in clients.enumerated() {
                    #expect(client.stateCount == model.held.keys.count { $0.client == index })
                    #expect(client.stateCount == states.stateCount(of: client))
                }
            }
        }
        // A history in which nothing of interest happened shows nothing.
        for status: NFSStatus in [.ok, .shareDenied, .oldStateid, .badStateid] { #expect(done[status, default: 0] > 3, "\(status)") }
    }

    private func request(_ key: Key, _ known: [Key: [StateID]], _ random: inout SeededGenerator) -> Request {
        // Mostly the latest reply, as it arrived; at times an older one, or seqid 0.
        var stateID = StateID.anonymous
        if let replies = known[key] {
            stateID = random.below(3) > 0 ? replies[replies.count - 1] : replies[random.below(replies.count)]
            if random.below(8) == 0 { stateID.seqid = 0 }
        }
        let access = UInt32(random.below(3) + 1)
        let deny = random.below(6) == 0 ? UInt32(random.below(4)) : 0
        switch random.below(known[key] == nil ? 1 : 3) {
        case 0: return .open(access: access, deny: deny)
        case 1: return .downgrade(stateID, access: access, deny: deny)
        default: return .close(stateID)
        }
    }

    private func run(
        _ request: Request, _ key: Key, _ client: Client, _ states: inout FileStates
    ) -> (NFSStatus, StateID?) {
        let handle = file(key.file)
        do throws(NFSStatus) {
            switch request {
            case .open(let access, let deny):
                let outcome = try states.open(
                    handle, client: client, owner: [key.owner], access: ShareAccess(rawValue: access), deny: ShareAccess(rawValue: deny),
                    resource: OpenFile())
                return (.ok, try outcome.granted())
            case .downgrade(let stateID, let access, let deny):
                let (narrowed, _) = try states.downgrade(
                    stateID, of: handle, client: client, access: ShareAccess(rawValue: access), deny: ShareAccess(rawValue: deny))
                return (.ok, narrowed)
            case .close(let stateID):
                let resources = try states.close(stateID, of: handle, client: client)
                #expect(!resources.isEmpty)
                return (.ok, nil)
            }
        } catch { return (error, nil) }
    }

    /// The same on real threads: whatever the order, no seqid is skipped and none is handed out twice.
    @Test func openersOnThreadsGetEverySeqidOnce() async throws {
        var table = clientTable()
        let client = try table.connect("a").client
        let shards = FileStateShards(instance: instance, limits: StateLimits())
        let handed = await withTaskGroup(of: [StateID].self) { group in
            for opener in 0..<4 {
                group.addTask { openAndClose(shards, client, SeededGenerator(seed: UInt64(opener))) }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(handed.count == 4 * 500 && Set(handed).count == handed.count)
        let seqids = Dictionary(grouping: handed, by: \.other).mapValues { Set($0.map(\.seqid)) }
        #expect(seqids.values.allSatisfy { $0 == Set(1...UInt32($0.count)) })
        #expect(seqids.count > 1)
    }

    private func openAndClose(_ shards: FileStateShards, _ client: Client, _ random: SeededGenerator) -> [StateID] {
        var random = random
        var handed: [StateID] = []
        for _ in 0..<500 {
            let opened = try? shards.withShard(of: file(1)) { states throws(NFSStatus) in try states.open(file(1), client, .both) }
            guard let opened else { continue }
            handed.append(opened)
            guard random.below(2) == 0 else { continue }
            // Fails with NFS4ERR_OLD_STATEID when another opener was quicker.
            _ = try? shards.withShard(of: file(1)) { states throws(NFSStatus) in
                try states.close(opened, of: file(1), client: client)
            }
        }
        return handed
    }
}
