import FileSystem
import Logging
import MemoryFileSystem
import NFSProtocol
import NFSServer
import NFSTestClient
import RPC
import XDR

/// An engine in the process of the tests, without a socket. It serves until it is released.
package final class InProcessServer: TestServer {
    package let exportPath: [String]
    private let server: NFSServer
    private let pool: BufferPool
    private let serving: Task<Void, any Error>

    /// Serves a file system in memory as `/conformance`.
    package static func start() async throws -> InProcessServer {
        let files = MemoryFileSystem()
        // As the directory other servers under test export: anybody may use it.
        try files.root.setAttributes(AttributeChanges(mode: 0o777), Caller(.superuser, mayBlock: true))
        return await start([NameSpace.Entry(pseudoPath: "/conformance", fileSystem: files)])
    }

    /// Returns when clients can be served.
    /// - Parameters:
    ///   - entries: the exports; tests that ask for a directory get one in the first.
    ///   - storage: what is left of the instance before, and keeps what the one after will need.
    ///   - instance: differs from that of the instance before.
    ///   - owners: how users and groups are written.
    package static func start(
        _ entries: [NameSpace.Entry], storage: any RecoveryStorage = MemoryClientRecord(), instance: UInt32 = 1, limits: Limits = Limits(),
        owners: OwnerNames = OwnerNames()
    ) async -> InProcessServer {
        let (ready, continuation) = AsyncStream.makeStream(of: Void.self)
        let server = InProcessServer(entries, storage, instance, limits, owners) { continuation.yield() }
        _ = await ready.first { _ in true }
        return server
    }

    private init(
        _ entries: [NameSpace.Entry], _ storage: any RecoveryStorage, _ instance: UInt32, _ limits: Limits,
        _ owners: OwnerNames, onReady: @escaping @Sendable () -> Void
    ) {
        exportPath = entries.first?.pseudoPath.split(separator: "/").map(String.init) ?? []
        let pool = BufferPool()
        let server = NFSServer(
            nameSpace: NameSpace(entries), limits: limits, storage: storage, instance: instance, owner: "conformance", owners: owners,
            workerThreads: 2,
            pool: pool, log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        self.pool = pool
        self.server = server
        serving = Task { try await server.run(onReady: onReady) }
    }

    deinit { serving.cancel() }

    package func connect() -> any RPCExchange { connect(from: PeerAddress(address: [127, 0, 0, 1], port: 1023)) }

    package func connect(from peer: PeerAddress) -> any RPCExchange {
        InProcessExchange(server, InProcessConnection(from: peer, pool: pool), pool)
    }
}
