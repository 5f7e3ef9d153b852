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
func withService<Result>(over store: any RecoveryStore, _ body: (ServiceAddress) async throws -> Result) async throws -> Result {
    let (addresses, continuation) = AsyncStream.makeStream(of: ServiceAddress.self)
    let application = RecoveryService(store: store).application(
        listeningOn: ServiceAddress(host: "127.0.0.1", port: 0), eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
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
    case memory, sqlite
    /// The client, over HTTP, of the service over a store in memory.
    case remote

    func with<Result>(_ body: (any RecoveryStore) async throws -> Result) async throws -> Result {
        switch self {
        case .memory:
            return try await body(MemoryRecoveryStore())
        case .sqlite:
            return try await withTemporaryDirectory { directory in
                let store = try SQLiteRecoveryStore(path: directory + "/recovery.sqlite")
                let result = try await body(store)
                await store.close()
                return result
            }
        case .remote:
            return try await withService(over: MemoryRecoveryStore()) { address in
                try await withClient(of: address, body)
            }
        }
    }
}

/// Runs `body` with a client of the backend that listens on `address`.
func withClient<Result>(
    of address: ServiceAddress, timeout: Duration = .seconds(20), _ body: (RecoveryClient) async throws -> Result
) async throws -> Result {
    let client = try RecoveryClient(url: "http://\(address)\(RecoveryService.path)", timeout: timeout)
    do {
        let result = try await body(client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}
