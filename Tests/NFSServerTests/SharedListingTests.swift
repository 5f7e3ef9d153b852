import ConformanceRecord
import Dispatch
import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Synchronization
import Testing

@Suite("Listings of one directory that several wait for (RFC 8881 §18.23)", .covers(.readDir))
struct SharedListingTests {
    /// What a device has been asked for, and a gate before which listings wait.
    private final class Observer: Sendable {
        let named = Atomic(0)
        let listed = Atomic(0)
        let isShut = Atomic(true)
        let gate = DispatchSemaphore(value: 0)

        init(_ device: FailingDevice) {
            device.whenNamed.withLock { $0 = { self.named.add(1, ordering: .relaxed) } }
            device.whenListed.withLock { listing in
                listing = { _ in
                    self.listed.add(1, ordering: .relaxed)
                    if self.isShut.load(ordering: .relaxed) { self.gate.wait() }
                }
            }
        }
    }

    @Test(
        "those that ask for the same are answered by one look at the directory, 16 at most, those that come later by another",
        arguments: [5, 16, 17, 40])
    func shared(_ count: Int) async throws {
        let device = FailingDevice(try memoryFiles())
        let server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/export", fileSystem: device)])
        var channel = ChannelAttributes()
        channel.maxRequests = 64
        let session = try await server.session(fore: channel)
        let root = try await session.lookup("/export")
        let directories = [try await session.makeDirectory(root, "one"), try await session.makeDirectory(root, "two")]
        let directory = try await session.makeDirectory(root, "many")
        for index in 0..<20 { _ = try await session.makeFile(directory, "\(index)") }

        let observer = Observer(device)
        // Both threads of the server wait; what comes then has to.
        let questions: [[NFSTestClient.Operation]] =
            directories.map { [.putFH($0), .readDir()] }
            + Array(repeating: [.putFH(directory), .readDir([.type, .fileID])], count: count) + [[.putFH(directory), .readDir([.type])]]
        let names = try await withThrowingTaskGroup(of: [String].self) { group in
            for (slot, question) in questions.enumerated() {
                group.addTask {
                    try await session.compound(question, slot: UInt32(slot)).succeeded().entries.names
                }
            }
            while observer.named.load(ordering: .relaxed) < questions.count { try await Task.sleep(for: .milliseconds(1)) }
            // One connection does one thing after the other: the last request has been taken on when this one is answered.
            try await session.compound(.putRootFH, slot: UInt32(questions.count))
            observer.isShut.store(false, ordering: .relaxed)
            for _ in directories { observer.gate.signal() }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(names.filter { $0.isEmpty }.count == directories.count)
        #expect(names.filter { Set($0) == Set((0..<20).map(String.init)) }.count == count + 1)
        let looks = directories.count + (count + 15) / 16 + 1
        #expect(observer.listed.load(ordering: .relaxed) == looks)

        _ = try await session.makeFile(directory, "later")
        #expect(try await session.run(.putFH(directory), .readDir([.type, .fileID])).entries.names.contains("later"))
        #expect(observer.listed.load(ordering: .relaxed) == looks + 1)
    }

    @Test("two of one compound look twice, and other users for themselves")
    func apart() async throws {
        let device = FailingDevice(try memoryFiles())
        let server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/export", fileSystem: device)])
        let session = try await server.session()
        let directory = try await session.makeDirectory(session.lookup("/export"), "directory", mode: 0o700)
        let reply = try await session.run(
            .putFH(directory), .readDir(), .create(.symlink(to: "x"), "new"), .putFH(directory), .readDir())
        let listings = reply.results.compactMap { result -> [String]? in
            guard case .entries(let entries) = result.body else { return nil }
            return entries.names
        }
        #expect(listings == [[], ["new"]])
        let refused = try await session.compound(.putFH(directory), .readDir(), credential: .sys(uid: 1000, gid: 1000))
        #expect(refused.outcome == Outcome(.readDir, .access))
    }
}
