import FileSystem
import Foundation
import LocalFileSystem
import Logging
import NFSServer
import NFSState
import RPC
import RecoveryBackend
import ServiceLifecycle
import Transport
import UnixSignals
import XDR

/// Serves as configured until SIGTERM or SIGINT, then finishes what is under way and returns.
///
/// Prints `ready ADDRESS:PORT` for each listening address to standard output when clients can be served.
/// - Throws: an error whose description is one line that says what to do.
package func run(configuration: ServerConfiguration) async throws {
    let log = configuration.makeLog()
    for warning in configuration.warnings { log.warning("\(warning)") }
    let daemon = try await Daemon(configuration, log)
    try await daemon.run()
}

/// The parts of a server, put together.
private struct Daemon: Sendable {
    private let configuration: ServerConfiguration
    private let log: Logger
    private let store: any RecoveryStore
    private let server: NFSServer
    private let transport: Transport
    private let addresses: [PeerAddress]

    init(_ configuration: ServerConfiguration, _ log: Logger) async throws {
        self.configuration = configuration
        self.log = log
        let nameSpace = NameSpace(
            try configuration.exports.map { export in
                let descriptors = configuration.limits.cachedDescriptors / configuration.exports.count
                let files = try LocalFileSystem(
                    path: export.path, durableMetadata: export.isSynchronous, descriptorLimit: max(64, descriptors),
                    crossesMounts: export.crossesMounts)
                return NameSpace.Entry(pseudoPath: export.pseudoPath, fileSystem: files, rules: export.rules)
            })
        let pool = BufferPool()
        store = try configuration.recovery.open()
        guard let hostname = ServerHostname(rawValue: configuration.hostname) else {
            throw DaemonError("hostname \(configuration.hostname) cannot name a record of clients: choose another --hostname")
        }
        server = NFSServer(
            nameSpace: nameSpace, limits: configuration.protocolLimits, storage: RecoveryRecord(store: store, hostname: hostname),
            instance: UInt32(truncatingIfNeeded: UInt64(Date().timeIntervalSince1970 * 1000)), owner: configuration.hostname,
            owners: configuration.owners,
            workerThreads: configuration.workers, pool: pool, log: log)
        var settings = Transport.Configuration(loops: configuration.loops)
        settings.maximumRecord = configuration.limits.record
        settings.maximumConnections = configuration.limits.connections
        settings.memoryLimit = configuration.limits.bufferMemory
        transport = try Transport(configuration: settings, pool: pool, service: server, log: log)
        addresses = try configuration.listen.map { [transport] in
            try transport.listen(on: PeerAddress(address: $0.address.bytes, port: $0.port))
        }
    }

    func run() async throws {
        try transport.run()
        try register()
        await withTaskGroup { group in
            // Serving ends when the signal does; the record of clients is complete at every moment, so nothing is to be
            // written at the end.
            group.addTask {
                try? await server.run {
                    for address in addresses { print("ready \(address)") }
                    fflush(nil)
                }
            }
            if let path = configuration.adminSocket {
                group.addTask {
                    do {
                        try await AdminService(server: server, socketPath: path, log: log).run()
                    } catch {
                        log.error("administration is not available", metadata: ["socket": "\(path)", "error": "\(error)"])
                    }
                }
            }
            for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
                log.notice("stopping", metadata: ["signal": "\(signal)"])
                break
            }
            group.cancelAll()
            await drain()
        }
        unregister()
        await store.close()
        log.notice("stopped")
    }

    /// Lets what is under way end.
    private func drain() async {
        await withCheckedContinuation { done in
            Thread.detachNewThread {
                transport.drain(within: .seconds(5))
                done.resume()
            }
        }
    }

    private func register() throws {
        guard configuration.registersWithRPCBind else { return }
        for address in addresses { try Rpcbind.register(program: NFSServer.program, version: NFSServer.version, at: address) }
    }

    private func unregister() {
        guard configuration.registersWithRPCBind else { return }
        for address in addresses {
            do {
                try Rpcbind.unregister(program: NFSServer.program, version: NFSServer.version, at: address)
            } catch {
                log.warning("\(error)")
            }
        }
    }
}

/// Why the server cannot start; one line that says what to do.
struct DaemonError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension ExportConfiguration {
    /// The export's rules as the engine takes them.
    fileprivate var rules: Export.Rules {
        Export.Rules(
            isReadOnly: isReadOnly, squash: squash, anonymous: Credentials(uid: anonymousUID, gid: anonymousGID),
            takesUTF8Only: takesUTF8Only,
            admits: { peer in IPAddress(bytes: peer.address).map(allows) ?? false })
    }
}

extension RecoveryLocation {
    /// Opens the store of client records.
    fileprivate func open() throws -> any RecoveryStore {
        switch self {
        case .backend(let url): try RecoveryClient(url: url)
        case .directory(let path): try SQLiteRecoveryStore(path: path + "/recovery.sqlite")
        }
    }
}

extension ServerConfiguration {
    /// The numbers the engine goes by.
    fileprivate var protocolLimits: Limits {
        var state = StateLimits()
        state.clients = limits.clients
        state.sessions = limits.sessions
        return Limits(
            leaseSeconds: UInt32(lease.components.seconds), graceSeconds: UInt32(grace.components.seconds),
            maximumTransfer: limits.transfer,
            state: state)
    }

    fileprivate var owners: OwnerNames {
        guard let ownerDomain else { return OwnerNames() }
        return OwnerNames(domain: ownerDomain, areSent: sendsOwnerNames, service: SystemNameService())
    }

    fileprivate func makeLog() -> Logger {
        let level = logLevel
        let format = logFormat
        return Logger(label: "nfs-server") { label in
            var handler: any LogHandler =
                switch format {
                case .text: StreamLogHandler.standardError(label: label)
                case .json: JSONLogHandler(label: label)
                }
            handler.logLevel = level
            return handler
        }
    }
}
