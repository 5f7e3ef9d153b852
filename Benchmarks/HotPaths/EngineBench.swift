import CCosts
import FileSystem
import Foundation
import LocalFileSystem
import Logging
import MemoryFileSystem
import NFSServer
import NFSTestClient
import NFSTestServer
import RPC
import XDR

/// An engine in this process with a client of which every request is encoded beforehand.
final class EngineBench {
    private let server: NFSServer
    private let pool = BufferPool()
    private let serving: Task<Void, any Error>
    private let connection: BenchConnection
    private let session: TestSession
    private let requests: [HotOperation: [UInt8]]
    private var sequence: UInt32 = 0
    private let directory: URL?

    private static let warmUp = 100
    private static let rounds = 300
    /// The slot for what is counted; the client prepares with slot 0.
    private static let slot: UInt32 = 1

    init(_ volume: Volume) async throws {
        let files: any FileSystem
        switch volume {
        case .memory:
            directory = nil
            files = MemoryFileSystem()
        case .local:
            let directory = URL(filePath: "/var/tmp/remuda-hot-paths-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
            self.directory = directory
            files = try LocalFileSystem(path: directory.path, durableMetadata: false, descriptorLimit: 1000)
        }
        let server = NFSServer(
            nameSpace: NameSpace([NameSpace.Entry(pseudoPath: "/volume", fileSystem: files)]), limits: Limits(),
            storage: MemoryClientRecord(), instance: 1, owner: "hot-paths", identities: .ofNobody, workerThreads: 1, pool: pool,
            log: Logger(label: "hot-paths", factory: { _ in SwiftLogNoOpLogHandler() }))
        self.server = server
        let (ready, continuation) = AsyncStream.makeStream(of: Void.self)
        serving = Task { try await server.run { continuation.yield() } }
        _ = await ready.first { _ in true }
        connection = BenchConnection(pool: pool)
        session = try await TestSession.establish(over: BenchExchange(server, connection, pool))
        requests = try await HotOperation.requests(session, slot: Self.slot)
        connection.keepsReplies = false
    }

    deinit {
        serving.cancel()
        if let directory { try? FileManager.default.removeItem(at: directory) }
    }

    /// What one request costs, on average over many.
    func costs(of operation: HotOperation, _ counter: InstructionCounter?) throws -> Costs {
        let request = requests[operation]!
        for _ in 0..<Self.warmUp { try perform(operation, request) }
        let before = costs_allocations()
        counter?.begin()
        for _ in 0..<Self.rounds { try perform(operation, request) }
        let allocated = costs_allocations() - before
        let instructions = try counter?.end()
        // Rounded, since other threads of the process allocate something now and then.
        return Costs(
            allocations: (Double(allocated) / Double(Self.rounds)).rounded(),
            instructions: instructions.map { (Double($0) / Double(Self.rounds)).rounded() })
    }

    private func perform(_ operation: HotOperation, _ request: [UInt8]) throws {
        sequence += 1
        let buffer = pool.take(atLeast: request.count)
        request.withUnsafeBytes { buffer.base.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        // SEQUENCE has its number behind the session's name; the compound's header ends in the number of operations.
        buffer.base.storeBytes(of: sequence.bigEndian, toByteOffset: Self.sequencePlace, as: UInt32.self)
        server.receive(Record(buffer: buffer, range: 0..<request.count), on: connection)
        let status = connection.status()
        guard status == 0 else { throw CostFailure("\(operation.rawValue) was answered with the status \(status)") }
    }

    /// xid, type, RPC version, program, version, procedure, credential, verifier; tag, minor version, count; operation, session.
    private static let sequencePlace: Int = 24 + 8 + Credential.root.body.count + 8 + 12 + 4 + 16
}

struct CostFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
