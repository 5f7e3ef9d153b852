import Logging
import NFSServer
import NFSTestClient
import NFSTestServer
import Synchronization
import Testing

@Suite("What the server counts")
struct FiguresTests {
    private let time = ManualTime()
    private let log = LogLines()

    private func start(_ storage: any RecoveryStorage = MemoryClientRecord(), slow: UInt32 = 1) async throws -> InProcessServer {
        await InProcessServer.start(
            [NameSpace.Entry(pseudoPath: "/export", fileSystem: try memoryFiles())], storage: storage,
            limits: Limits(slowOperationSeconds: slow), time: time, log: log.logger)
    }

    private func counted(_ server: InProcessServer) -> [String: UInt64] {
        Dictionary(uniqueKeysWithValues: server.figures().operations.outcomes.map { ("\($0.operation) \($0.status)", $0.count) })
    }

    private func requests(_ server: InProcessServer) -> [String: UInt64] {
        Dictionary(uniqueKeysWithValues: server.figures().operations.requests.map { ($0.operation, $0.durations.count) })
    }

    @Test("Operations by name and status, and requests by what they are about")
    func operations() async throws {
        let server = try await start()
        let (session, directory) = try await server.sessionInNewDirectory()
        let (before, requestsBefore) = (counted(server), requests(server))
        let file = try await session.open(directory, "file")
        try await session.run(.putFH(file.handle), .write(file.stateID, Array(repeating: 1, count: 1000)), .getAttr([.size]))
        try await session.run(.putFH(file.handle), .read(file.stateID, count: 600))
        try await session.run(.putFH(file.handle), .commit())
        try await session.run(.putFH(directory), .getAttr([.size]))
        #expect(try await session.compound(.putFH(directory), .lookup("none"), .getFH).status == .noEnt)
        try await session.run()
        #expect(try await session.compound(.putRootFH, Operation(.illegal) { _ in }).status == .opIllegal)
        let (after, requestsAfter) = (counted(server), requests(server))
        func more(_ key: String) -> UInt64 { after[key, default: 0] - before[key, default: 0] }
        #expect(more("WRITE OK") == 1)
        #expect(more("READ OK") == 1)
        #expect(more("COMMIT OK") == 1)
        #expect(more("LOOKUP NOENT") == 1)
        #expect(more("ILLEGAL OP_ILLEGAL") == 1)
        #expect(more("OPEN OK") == 1)
        #expect(more("SEQUENCE OK") == 8)
        let moreRequests = requestsAfter.mapValues { Int($0) }.merging(requestsBefore.mapValues { -Int($0) }, uniquingKeysWith: +)
            .filter { $0.value > 0 }
        #expect(
            moreRequests == [
                "OPEN": 1, "WRITE": 1, "READ": 1, "COMMIT": 1, "GETATTR": 1, "LOOKUP": 1, "SEQUENCE": 1, "PUTROOTFH": 1,
            ])
        let figures = server.figures()
        #expect((figures.operations.bytesRead, figures.operations.bytesWritten) == (600, 1000))
        #expect(figures.operations.flushes.count >= 1)
        #expect((figures.sessions, figures.slotsInUse) == (1, 0))
        #expect(figures.queued.map(\.count) == [0, 0, 0])
    }

    @Test("A request is counted with the time from its arrival to its reply, and told when that was long")
    func slowRequest() async throws {
        let storage = HeldStorage(MemoryClientRecord())
        let server = try await start(storage)
        let session = try await server.session()
        let root = try await session.lookup(path: ["export"])
        await storage.hold(.add)
        async let opened = session.open(root, "file")
        await storage.untilOneIsHeld()
        #expect(server.figures().slotsInUse == 1)
        time.advance(by: .seconds(3))
        await storage.release()
        _ = try await opened
        let open = try #require(server.figures().operations.requests.first { $0.operation == "OPEN" })
        #expect(open.durations.nanoseconds == 3_000_000_000)
        let bound = try #require(DurationHistogram.bounds.firstIndex { $0 >= 3_000_000_000 })
        #expect(open.durations.buckets[bound] == 1)
        let line = try #require(log.lines.first { $0.hasPrefix("slow operation") })
        #expect(line.contains("operation=OPEN seconds=3.0 status=OK"))
        #expect(line.contains("export=/export"))
        #expect(line.contains("client="))
    }

    @Test("A client that asks for a lock again and again is told with who holds it, once in a minute")
    func lockWait() async throws {
        let server = try await start()
        let (holder, directory) = try await server.sessionInNewDirectory()
        let held = try await holder.open(directory, "file")
        let lock = try await holder.lock(held)
        let waiter = try await server.session(owner: ClientOwner(verifier: .zero, id: Array("the waiter".utf8)))
        let file = try await waiter.open(directory, "file")
        func ask() async throws -> Status {
            try await waiter.compound(.putFH(file.handle), .lock(.write, length: 10, .open(file.stateID, "owner"))).status
        }
        func told() -> [String] { log.lines.filter { $0.hasPrefix("a client waits for a lock") } }
        #expect(try await ask() == .denied)
        #expect(told() == [])
        time.advance(by: .seconds(2))
        #expect(try await ask() == .denied)
        #expect(told().count == 1)
        #expect(told()[0].contains("client=the waiter"))
        #expect(
            told()[0].contains(
                "holder=\(String(decoding: holder.owner.id, as: UTF8.self)) holder-address=127.0.0.1:1023 range=0+10 seconds=2.0"))
        time.advance(by: .seconds(20))
        try await holder.run()
        #expect(try await ask() == .denied)
        #expect(told().count == 1)
        time.advance(by: .seconds(41))
        #expect(try await ask() == .denied)
        #expect(told().count == 2)
        // What was granted meanwhile is another wait.
        try await holder.run(.putFH(held.handle), .lockU(lock, offset: 0, length: .max))
        let got = try await waiter.lock(file, length: 10, owner: "owner")
        try await waiter.run(.putFH(file.handle), .lockU(got, offset: 0, length: 10))
        _ = try await holder.lock(held)
        #expect(try await ask() == .denied)
        #expect(told().count == 2)
    }

    @Test("Nothing is told when it is turned off")
    func off() async throws {
        let storage = HeldStorage(MemoryClientRecord())
        let server = try await start(storage, slow: 0)
        let session = try await server.session()
        let root = try await session.lookup(path: ["export"])
        await storage.hold(.add)
        async let opened = session.open(root, "file")
        await storage.untilOneIsHeld()
        time.advance(by: .seconds(100))
        await storage.release()
        _ = try await opened
        #expect(log.lines.filter { $0.hasPrefix("slow") } == [])
    }

    @Test("A client that comes is told once, with its name and address")
    func arrival() async throws {
        let server = try await start()
        let owner = ClientOwner(verifier: .zero, id: Array("a client".utf8))
        _ = try await server.session(owner: owner)
        #expect(log.lines.filter { $0.hasPrefix("client is here") } == ["client is here address=127.0.0.1:1023 client=a client"])
    }

    @Test("The bounds of times double from 4 microseconds on, and hold themselves", arguments: [0, 1, 11, 22])
    func bounds(_ index: Int) {
        let bound = DurationHistogram.bounds[index]
        #expect(bound == 4096 << UInt64(index))
        #expect(DurationHistogram.bucket(of: bound) == index)
        #expect(DurationHistogram.bucket(of: bound + 1) == index + 1)
        #expect(DurationHistogram.bucket(of: 0) == 0)
        #expect(DurationHistogram.bucket(of: .max) == DurationHistogram.bounds.count)
    }
}

/// The lines of a log, with what belongs to each in order of the names.
private final class LogLines: Sendable {
    private let all = Mutex([String]())

    var lines: [String] { all.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let words = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.all.withLock { $0.append((["\(event.message)"] + words).joined(separator: " ")) }
        }
    }
}
