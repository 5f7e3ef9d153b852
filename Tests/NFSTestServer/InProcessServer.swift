import FileSystem
import Logging
import MemoryFileSystem
import NFSProtocol
import NFSServer
import NFSState
import NFSTestClient
import RPC
import RPCSecurity
import XDR

/// An engine in the process of the tests, without a socket. It serves until it is released.
package final class InProcessServer: TestServer {
    package let exportPath: [String]
    private let server: NFSServer
    private let pool: BufferPool
    private let serving: Task<Void, any Error>
    private let time: ManualTime?
    private let lease: UInt32

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
    ///   - time: what the server takes for the time; nil for the machine's.
    ///   - owners: how users and groups are written.
    ///   - identities: who makes requests, where the machine would be asked.
    ///   - kerberos: the keys of the service; nil to refuse Kerberos.
    package static func start(
        _ entries: [NameSpace.Entry], storage: any RecoveryStorage = MemoryClientRecord(), instance: UInt32 = 1, limits: Limits = Limits(),
        time: ManualTime? = nil, owners: OwnerNames = OwnerNames(), identities: Identities = .ofNobody, kerberos: AcceptorCredential? = nil,
        log: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    ) async -> InProcessServer {
        let (ready, continuation) = AsyncStream.makeStream(of: Void.self)
        let server = InProcessServer(entries, storage, instance, limits, time, owners, identities, kerberos, log) { continuation.yield() }
        _ = await ready.first { _ in true }
        return server
    }

    /// The same with Kerberos, for an export `/export` in which everybody may do everything.
    /// - Parameter keytab: the path of the keys of the service.
    package static func start(
        keytab: String, accepting flavors: [SecurityFlavor], limits: Limits = Limits(), time: ManualTime? = nil,
        identities: Identities = .ofNobody
    ) async throws -> InProcessServer {
        let files = MemoryFileSystem()
        try files.root.setAttributes(AttributeChanges(mode: 0o777), Caller(.superuser, mayBlock: true))
        return await start(
            [NameSpace.Entry(pseudoPath: "/export", fileSystem: files, rules: Export.Rules(ExportRule(security: flavors)))],
            limits: limits, time: time, identities: identities, kerberos: try AcceptorCredential(keytab: keytab, principal: nil))
    }

    private init(
        _ entries: [NameSpace.Entry], _ storage: any RecoveryStorage, _ instance: UInt32, _ limits: Limits, _ time: ManualTime?,
        _ owners: OwnerNames, _ identities: Identities, _ kerberos: AcceptorCredential?, _ log: Logger,
        onReady: @escaping @Sendable () -> Void
    ) {
        exportPath = entries.first?.pseudoPath.split(separator: "/").map(String.init) ?? []
        let pool = BufferPool()
        let server = NFSServer(
            nameSpace: NameSpace(entries), limits: limits, storage: storage, instance: instance, owner: "conformance", owners: owners,
            identities: identities, workerThreads: 2, pool: pool, clock: time?.clock ?? .monotonic, kerberos: kerberos,
            log: log)
        self.pool = pool
        self.server = server
        self.time = time
        lease = limits.leaseSeconds
        serving = Task { try await server.run(onReady: onReady) }
    }

    deinit { serving.cancel() }

    /// Lets time pass while the server is awake. For a server with a time of its own.
    package func pass(_ duration: Duration) {
        let step = Duration.seconds(Int64(lease)) / 16
        var left = duration
        while left > .zero {
            time?.advance(by: min(step, left))
            server.checkLeases()
            left -= step
        }
    }

    /// What the server is busy with.
    package func figures() -> ServerFigures { server.figures() }

    /// Serves other exports from now on, as after SIGHUP.
    package func serve(_ entries: [NameSpace.Entry]) { server.serve(NameSpace(entries)) }

    /// Serves nobody for now, or everybody again.
    package func setHeld(_ isHeld: Bool) { server.setHeld(isHeld) }

    /// Takes all opens and locks from a client, as an administrator can.
    package func revoke(_ clientID: UInt64) async -> Bool { await server.revoke(ClientID(rawValue: clientID)) }

    package func connect() -> any RPCExchange { connect(from: PeerAddress(address: [127, 0, 0, 1], port: 1023)) }

    package func connect(answering service: CallbackService) -> any RPCExchange {
        let connection = InProcessConnection(from: PeerAddress(address: [127, 0, 0, 1], port: 1023), pool: pool)
        let exchange = InProcessExchange(server, connection, pool)
        let number = service.connection()
        connection.onCall { [weak exchange] call in
            Task { try await exchange?.answer(call, by: service, as: number) }
        }
        return exchange
    }

    package func connect(from peer: PeerAddress) -> any RPCExchange {
        InProcessExchange(server, InProcessConnection(from: peer, pool: pool), pool)
    }

    /// Whether a client has a back channel that works.
    package func canCall(_ clientID: UInt64) -> Bool { client(clientID).map { server.canCall($0) } ?? false }

    /// CB_NOTIFY_LOCK; whether the client has taken note.
    package func notifyLock(_ clientID: UInt64, file: [UInt8], owner: [UInt8]) async -> Bool {
        guard let client = client(clientID), let file = NFSProtocol.FileHandle(file.span.bytes) else { return false }
        return await withCheckedContinuation { continuation in
            server.notify(LockWaiter(client: client, file: file, owner: owner)) { continuation.resume(returning: $0) }
        }
    }

    private func client(_ id: UInt64) -> Client? { server.clients.withLock { $0[ClientID(rawValue: id)] } }
}

extension Identities {
    /// Of a machine without users.
    package static var ofNobody: Identities { of { _ in .unknown } }

    /// Of a machine that knows principals, and no user by number.
    package static func of(_ principal: @escaping @Sendable (String) -> Identity) -> Identities {
        Identities(managesGroups: false, service: Principals(identity: principal))
    }

    private struct Principals: AccountService {
        let identity: @Sendable (String) -> Identity
        func groups(of uid: UInt32) -> [UInt32]? { nil }
        func identity(of principal: String) -> Identity { identity(principal) }
    }
}
