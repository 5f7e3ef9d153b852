import Foundation
import Logging
import NIOPosix
import RecoveryBackend
import Testing

extension ServerHostname: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) { self.init(rawValue: name)! }
}

extension RecoveryVersion: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) { self.init(rawValue: name)! }
}

extension ClientIdentity: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self.init(rawValue: text)! }
}

extension RevokedFileHandle: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self.init(rawValue: text)! }
}

/// Runs `body` with a directory of its own, which is gone afterwards.
func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let directory = FileManager.default.temporaryDirectory.appending(path: "recovery-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try await body(directory.path)
}

/// Runs `body` while the REST interface over `store` listens on a loopback port.
func withService<Result>(
    over store: any HostRegistry, tokens: TokenFile? = nil, tls: TLSFiles = TLSFiles(), _ body: (ServiceAddress) async throws -> Result
) async throws -> Result {
    let (addresses, continuation) = AsyncStream.makeStream(of: ServiceAddress.self)
    let application = try RecoveryService(store: store, tokens: tokens).application(
        listeningOn: ServiceAddress(host: "127.0.0.1", port: 0), tls: tls,
        eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    ) { continuation.yield($0) }
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { continuation.finish() }
            // How the service ends is not what is tested; when it does not start, no address comes.
            try? await application.run()
        }
        let address = try #require(await addresses.first { _ in true })
        defer { group.cancelAll() }
        return try await body(address)
    }
}

/// The stores that have to behave alike.
enum StoreKind: CaseIterable {
    case memory, sqlite, etcd
    /// The client, over HTTP, of the service over a store in memory.
    case remote

    /// All that this machine can run.
    static var allCases: [StoreKind] { registries + [.remote] }
    static var registries: [StoreKind] { EtcdServer.isExpected ? [.memory, .sqlite, .etcd] : [.memory, .sqlite] }

    func with<Result>(_ body: (any RecoveryStore) async throws -> Result) async throws -> Result {
        guard self == .remote else { return try await withRegistry { try await body($0) } }
        return try await withService(over: MemoryRecoveryStore()) { address in
            try await withClient(of: address, body)
        }
    }

    /// The same for what only the service's own stores do.
    func withRegistry<Result>(
        limits: RegistryLimits = RegistryLimits(), now: @escaping @Sendable () -> Date = { .now },
        _ body: (any HostRegistry) async throws -> Result
    ) async throws -> Result {
        switch self {
        case .memory, .remote:
            return try await body(MemoryRecoveryStore(limits: limits, now: now))
        case .sqlite:
            return try await withTemporaryDirectory { directory in
                try await closing(SQLiteRecoveryStore(path: directory + "/recovery.sqlite", limits: limits, now: now), body)
            }
        case .etcd:
            // One server for all tests: each has keys of its own.
            var configuration = EtcdConfiguration(endpoints: [try await EtcdServer.shared().endpoint])
            configuration.prefix = "/" + UUID().uuidString
            configuration.attempt = .seconds(20)
            configuration.timeout = .seconds(20)
            return try await closing(EtcdRecoveryStore(configuration, limits: limits, now: now), body)
        }
    }
}

/// Runs `body` with the store, and closes it.
func closing<Store: RecoveryStore, Result>(_ store: Store, _ body: (Store) async throws -> Result) async throws -> Result {
    do {
        let result = try await body(store)
        await store.close()
        return result
    } catch {
        await store.close()
        throw error
    }
}

/// Runs `body` with a client of the backend that listens on `address`.
func withClient<Result>(
    of address: ServiceAddress, timeout: Duration = .seconds(20), _ body: (RecoveryClient) async throws -> Result
) async throws -> Result {
    try await closing(RecoveryClient(url: "http://\(address)\(RecoveryService.path)", timeout: timeout), body)
}
