import NFSTestClient
import Testing

/// What a client has at hand when it sends a request whose reply gets lost.
struct ReplayScene: Sendable {
    let session: TestSession
    let directory: FileHandle
    /// Open for reading and writing; its owner has opened it for reading alone as well.
    let file: OpenedFile
    let lock: StateID
    /// A lock stateid without locks.
    let emptyLock: StateID

    init() async throws {
        (session, directory) = try await newDirectory()
        _ = try await session.open(directory, "file", access: .read)
        file = try await session.open(directory, "file")
        try await session.run(.putFH(file.handle), .write(file.stateID, [1, 2, 3]), .commit())
        lock = try await session.lock(file, offset: 0, length: 10)
        let locked = try await session.lock(file, offset: 100, length: 10, owner: "another")
        emptyLock = try await session.run(.putFH(file.handle), .lockU(locked)).stateID
        _ = try await session.makeDirectory(directory, "empty")
    }

    /// All that a second run of a request could have changed.
    struct Effects: Equatable {
        var directory: FileAttributes
        var entries: [[UInt8]: FileAttributes]
        var stateIDs: [Status]
    }

    /// - Parameter stateIDs: what the request returned, beside those that were there.
    func effects(_ stateIDs: [StateID]) async throws -> Effects {
        let attributes: AttributeSet = [.change, .size, .mode, .numLinks, .fileID, .timeModify]
        // On another slot: the reply of the last request on a slot is all that is kept.
        let reply = try await session.compound(
            .putFH(directory), .getAttr(attributes), .readDir(attributes), .testStateID([file.stateID, lock, emptyLock] + stateIDs), slot: 1
        ).succeeded()
        let entries = try reply.entries.entries.map { ($0.name, $0.attributes) }
        return Effects(
            directory: try reply.attributes, entries: Dictionary(uniqueKeysWithValues: entries), stateIDs: try reply.statuses)
    }
}

/// A request that changes something.
struct ReplayCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let operations: @Sendable (ReplayScene) async throws -> [Operation]

    init(_ name: String, _ operations: @escaping @Sendable (ReplayScene) async throws -> [Operation]) {
        testDescription = name
        self.operations = operations
    }

    private static func open(_ name: String, _ how: Operation.OpenHow) -> ReplayCase {
        ReplayCase("OPEN \(name)") { [.putFH($0.directory), .open(.null("new"), how, owner: "new"), .getFH] }
    }

    private static let verifier = Verifier(0x0102_0304_0506_0708)

    static let all: [ReplayCase] = [
        ReplayCase("CLOSE") { [.putFH($0.file.handle), .close($0.file.stateID)] },
        ReplayCase("COMMIT") { [.putFH($0.file.handle), .commit()] },
        ReplayCase("CREATE") { [.putFH($0.directory), .create(.directory, "new", .mode(0o700)), .getFH] },
        ReplayCase("CREATE_SESSION") {
            [.createSession(clientID: $0.session.clientID, sequence: $0.session.nextCreateSequence)]
        },
        ReplayCase("DESTROY_CLIENTID") { _ in
            [.destroyClientID(try await newConnection().compound(.exchangeID(.unique())).exchangeID.clientID)]
        },
        ReplayCase("DESTROY_SESSION") { scene in
            let create = Operation.createSession(clientID: scene.session.clientID, sequence: scene.session.nextCreateSequence)
            return [.destroySession(try await scene.session.connection.compound(create).session.id)]
        },
        ReplayCase("EXCHANGE_ID") { _ in [.exchangeID(.unique())] },
        ReplayCase("FREE_STATEID") { [.freeStateID($0.emptyLock)] },
        ReplayCase("LINK") { [.putFH($0.file.handle), .saveFH, .putFH($0.directory), .link("new")] },
        ReplayCase("LOCK, the first of an owner") {
            [.putFH($0.file.handle), .lock(.write, offset: 50, length: 1, .open($0.file.stateID, "new"))]
        },
        ReplayCase("LOCK") { [.putFH($0.file.handle), .lock(.read, offset: 5, length: 20, .lock($0.lock))] },
        ReplayCase("LOCKU") { [.putFH($0.file.handle), .lockU($0.lock, offset: 3, length: 2)] },
        open("UNCHECKED4", .unchecked(.mode(0o640))),
        open("GUARDED4", .guarded(.mode(0o640))),
        open("EXCLUSIVE4", .exclusive(verifier)),
        open("EXCLUSIVE4_1", .exclusive41(verifier, .mode(0o640))),
        ReplayCase("OPEN that empties a file") { [.putFH($0.directory), .open(.null("file"), .unchecked(.size(0)))] },
        ReplayCase("OPEN of an owner that has the file open") { [.putFH($0.file.handle), .open(.fileHandle, access: .read)] },
        ReplayCase("OPEN_DOWNGRADE") { [.putFH($0.file.handle), .openDowngrade($0.file.stateID, access: .read)] },
        ReplayCase("REMOVE") { [.putFH($0.directory), .remove("empty")] },
        ReplayCase("RENAME") { [.putFH($0.directory), .saveFH, .rename("file", to: "new")] },
        ReplayCase("SETATTR") { [.putFH($0.file.handle), .setAttr(.mode(0o600))] },
        ReplayCase("SETATTR of the size") { [.putFH($0.file.handle), .setAttr(.size(1), stateID: $0.file.stateID)] },
        ReplayCase("WRITE") { [.putFH($0.file.handle), .write($0.file.stateID, offset: 2, [9, 9, 9], .fileSync)] },
    ]
}

@Suite("A retry of what changes something (RFC 8881 §2.10.6.1)")
struct ReplayTests {
    @Test("byte for byte the same request gets the same reply, on any connection, and has no second effect", arguments: ReplayCase.all)
    func replay(_ replayCase: ReplayCase) async throws {
        let scene = try await ReplayScene()
        let operations = try await replayCase.operations(scene)
        let compound = Connection.compoundArguments([await scene.session.nextSequence(cacheThis: true)] + operations)
        let call = RPCCall(
            xid: Connection.newXID(), procedure: RPCCall.compoundProcedure, credential: .root, arguments: compound
        ).bytes
        let exchange = scene.session.connection.exchange
        let first = try await exchange.exchange(call)
        let reply = try CompoundReply(try RPCReply(first).results).succeeded()
        await scene.session.advance()

        let stateIDs = reply.results.compactMap { result -> StateID? in
            switch result.body {
            case .open(let opened): opened.stateID
            case .stateID(let stateID) where stateID != .invalid: stateID
            default: nil
            }
        }
        let effects = try await scene.effects(stateIDs)
        #expect(try await exchange.exchange(call) == first)
        #expect(try await sharedServer().connect().exchange(call) == first)
        #expect(try await scene.effects(stateIDs) == effects)
        #expect(try await exchange.exchange(call) == first)
        #expect(try await scene.session.compound(.putRootFH).status == .ok, "the next request of the slot")
    }

    @Test("RECLAIM_COMPLETE, too: its retry is not a second one")
    func reclaimComplete() async throws {
        let session = try await newSession(reclaimComplete: false)
        let request = [await session.nextSequence(cacheThis: true), .reclaimComplete()]
        let first = try await session.connection.compound(request).succeeded()
        await session.advance()
        #expect(try await session.connection.compound(request).bytes == first.bytes)
        #expect(try await session.compound(.reclaimComplete()).outcome == Outcome(.reclaimComplete, .completeAlready))
    }
}
