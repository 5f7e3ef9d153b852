import NFSServer
import NFSTestServer

/// A record of clients whose calls now and then fail, some before and some after they had their effect.
actor UnreliableStorage: RecoveryStorage {
    struct Failure: Error {}

    private let record: MemoryClientRecord
    private var generator: SeededGenerator

    init(_ record: MemoryClientRecord, seed: UInt64) {
        self.record = record
        generator = SeededGenerator(seed: seed)
    }

    func open() async throws -> [[UInt8]] { try await attempt { await self.record.open() } }
    func add(_ owner: [UInt8]) async throws { try await attempt { await self.record.add(owner) } }
    func remove(_ owner: [UInt8]) async throws { try await attempt { await self.record.remove(owner) } }
    func activate() async throws { try await attempt { await self.record.activate() } }

    private func attempt<Result: Sendable>(_ call: @Sendable () async -> Result) async throws -> Result {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: throw Failure()
        case 1:
            _ = await call()
            throw Failure()
        default: return await call()
        }
    }
}
