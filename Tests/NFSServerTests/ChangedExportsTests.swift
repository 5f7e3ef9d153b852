import ConformanceRecord
import Dispatch
import FileSystem
import MemoryFileSystem
import NFSServer
import NFSTestClient
import NFSTestServer
import RPC
import Testing

@Suite("Exports that change while clients are served", .coversEveryOperation)
struct ChangedExportsTests {
    private let files: MemoryFileSystem
    private let others: MemoryFileSystem
    private let server: InProcessServer
    private let session: TestSession

    init() async throws {
        files = try memoryFiles(1)
        others = try memoryFiles(2)
        server = await InProcessServer.start([
            NameSpace.Entry(pseudoPath: "/vol", fileSystem: files), NameSpace.Entry(pseudoPath: "/other", fileSystem: others),
        ])
        session = try await server.session()
    }

    /// Serves `/vol` by a rule, and nothing else.
    private func serve(_ rule: @escaping @Sendable (PeerAddress) -> ExportRule?) {
        server.serve([NameSpace.Entry(pseudoPath: "/vol", fileSystem: files, rules: Export.Rules(rule: rule))])
    }

    @Test("a client that is not admitted any more gets ACCESS at its next request, and can give back what it holds")
    func admissionEnds() async throws {
        let directory = try await session.lookup("/vol")
        _ = try await session.open(directory, "file", access: .read)
        let file = try await session.open(directory, "file")
        let lock = try await session.lock(file)
        serve { _ in nil }
        let denied: [(Operation, OperationCode)] = [
            (.read(file.stateID, count: 1), .read), (.write(file.stateID, [1]), .write), (.commit(), .commit),
            (.getAttr([.size]), .getAttr),
            (.lock(.read, offset: 0, length: 1, .lock(lock)), .lock), (.lockT(.read, offset: 0, length: 1, owner: "another"), .lockT),
        ]
        for (operation, code) in denied {
            #expect(try await session.compound(.putFH(file.handle), operation).outcome == Outcome(code, .access))
        }
        #expect(try await session.outcome(of: "/vol") == Outcome(.lookup, .access))
        let unlocked = try await session.run(.putFH(file.handle), .lockU(lock, offset: 0, length: .max)).stateID
        #expect(unlocked.other == lock.other)
        let narrowed = try await session.run(.putFH(file.handle), .openDowngrade(file.stateID, access: .read)).stateID
        try await session.run(.putFH(file.handle), .close(narrowed))
        serve { _ in ExportRule() }
        try await session.run(.putFH(file.handle), .open(.fileHandle, access: .both, deny: .both, owner: "another"))
    }

    @Test("what is open stays open, and the new rule holds for it: ROFS, another identity, another flavor")
    func rulesChange() async throws {
        let directory = try await session.lookup("/vol")
        let file = try await session.open(directory, "file", .unchecked(.mode(0o600)))
        try await session.run(.putFH(file.handle), .write(file.stateID, [1]))
        serve { _ in ExportRule(isReadOnly: true) }
        #expect(try await session.compound(.putFH(file.handle), .write(file.stateID, [2])).outcome == Outcome(.write, .roFS))
        #expect(try await session.read(file.handle, file.stateID) == [1])
        serve { _ in ExportRule(squash: .all) }
        #expect(try await session.compound(.putFH(file.handle), .read(file.stateID, count: 1)).outcome == Outcome(.read, .access))
        serve { _ in ExportRule(security: [.krb5]) }
        #expect(try await session.compound(.putFH(file.handle), .read(file.stateID, count: 1)).outcome == Outcome(.putFH, .wrongSec))
        serve { _ in ExportRule() }
        try await session.run(.putFH(file.handle), .write(file.stateID, [3]))
        try await session.close(file)
    }

    @Test("of an export that is removed filehandles are STALE and opens and locks revoked; those of others stay")
    func removal() async throws {
        let kept = try await session.open(session.lookup("/vol"), "file")
        let keptLock = try await session.lock(kept)
        let gone = try await session.open(session.lookup("/other"), "file")
        let goneLock = try await session.lock(gone)
        serve { _ in ExportRule() }
        #expect(try await session.compound(.putFH(gone.handle)).outcome == Outcome(.putFH, .stale))
        #expect(try await session.outcome(of: "/other") == Outcome(.lookup, .noEnt))
        while try await session.run(.testStateID([gone.stateID])).statuses == [.ok] { try await Task.sleep(for: .milliseconds(5)) }
        let tested = try await session.run(.testStateID([gone.stateID, goneLock, kept.stateID, keptLock]))
        #expect(try tested.statuses == [.adminRevoked, .adminRevoked, .ok, .ok])
        #expect(try tested.sequence.flags & 0x20 != 0)  // SEQ4_STATUS_ADMIN_STATE_REVOKED
        try await session.run(.putFH(kept.handle), .write(kept.stateID, [1]))
        try await session.run(.freeStateID(gone.stateID), .freeStateID(goneLock))
        #expect(try await session.run(.testStateID([kept.stateID])).sequence.flags & 0x20 == 0)
    }

    @Test("while the server is held whatever asks for a file is DELAY, also behind an operation that waited, and sessions live on")
    func held() async throws {
        let end = DispatchSemaphore(value: 0)
        let cache = VolatileCache(stall: (offset: 1 << 20, end: end))
        server.serve([NameSpace.Entry(pseudoPath: "/vol", fileSystem: FailingDevice(files, cache: cache))])
        let file = try await session.open(session.lookup("/vol"), "file")
        async let stalled = session.compound(
            .putFH(file.handle), .write(file.stateID, offset: 1 << 20, [1]), .write(file.stateID, [1]))
        while !cache.isStalled { try await Task.sleep(for: .milliseconds(1)) }
        server.setHeld(true)
        end.signal()
        #expect(try await stalled.outcome == Outcome(.write, .delay))
        #expect(try await session.compound(.putFH(file.handle), .read(file.stateID, count: 1)).outcome == Outcome(.putFH, .delay))
        #expect(try await session.outcome(of: "/vol") == Outcome(.lookup, .delay))
        #expect(try await session.run(.testStateID([file.stateID])).statuses == [.ok])
        server.setHeld(false)
        #expect(try await session.read(file.handle, file.stateID, count: 1) == [0])
        try await session.close(file)
    }

    @Test("a file system that is not served any more is let go of")
    func release() async throws {
        weak var released: MemoryFileSystem?
        do {
            let files = try memoryFiles(3)
            released = files
            server.serve([NameSpace.Entry(pseudoPath: "/vol", fileSystem: files)])
        }
        _ = try await session.open(session.lookup("/vol"), "file")
        serve { _ in ExportRule() }
        while released != nil { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test("an export that is added is found, under the same filehandles as if it had always been there")
    func addition() async throws {
        let handle = try await session.lookup("/other")
        serve { _ in ExportRule() }
        #expect(try await session.outcome(of: "/other") == Outcome(.lookup, .noEnt))
        server.serve([
            NameSpace.Entry(pseudoPath: "/other", fileSystem: others), NameSpace.Entry(pseudoPath: "/vol", fileSystem: files),
            NameSpace.Entry(pseudoPath: "/third/place", fileSystem: try memoryFiles(3)),
        ])
        #expect(try await session.lookup("/other") == handle)
        _ = try await session.makeFile(session.lookup("/third/place"), "file")
    }
}
