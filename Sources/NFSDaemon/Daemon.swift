import CLinux
import FileSystem
import Foundation
import LocalFileSystem
import Logging
import NFSProtocol
import NFSServer
import NFSState
import RPC
import RPCSecurity
import RecoveryBackend
import ServiceLifecycle
import Transport
import UnixSignals
import XDR

/// Serves as configured until SIGTERM or SIGINT, then finishes what is under way and returns.
///
/// Prints `ready ADDRESS:PORT` for each listening address to standard output when clients can be served.
/// - Parameters:
///   - pidFile: the path of a file that has the process's number while clients can be served; nil for none.
///   - read: reads the configuration again, which is done at each SIGHUP.
/// - Throws: an error whose description is one line that says what to do.
package func run(
    configuration: ServerConfiguration, pidFile: String? = nil, reading read: @escaping @Sendable () throws -> ServerConfiguration
) async throws {
    let pidFile = try pidFile.map(PIDFile.init)
    defer { pidFile?.remove() }
    let signals = await Signals()
    let log = configuration.makeLog(label: "nfs-server")
    for warning in configuration.warnings { log.warning("\(warning)") }
    let daemon = try await Daemon(configuration, log)
    try await daemon.run(signals, reading: read) { pidFile?.write(log) }
}

/// The signals that a server goes by. They are caught from the moment on that this is made: each would end the process.
package struct Signals: Sendable {
    fileprivate let ends: UnixSignalsSequence
    fileprivate let hangups: UnixSignalsSequence
    fileprivate let questions: UnixSignalsSequence

    package init() async {
        ends = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        hangups = await UnixSignalsSequence(trapping: .sighup)
        questions = await UnixSignalsSequence(trapping: .sigusr1)
    }
}

/// The parts of a server, put together.
package struct Daemon: Sendable {
    private let configuration: ServerConfiguration
    private let log: Logger
    private let store: RecoveryClient?
    private let backend: BackendFollower?
    private let exports: ServedExports
    private let record: RecoveryRecord
    private let server: NFSServer
    private let transport: Transport
    private let addresses: [PeerAddress]

    /// - Parameter onDeviceError: as of `NFSServer`.
    package init(
        _ configuration: ServerConfiguration, _ log: Logger, onDeviceError: (@Sendable (NFSStatus) -> Bool)? = nil
    ) async throws {
        self.configuration = configuration
        self.log = log
        let hidden = HiddenFiles()
        exports = try ServedExports(configuration, hidden: hidden, log: log)
        let pool = BufferPool(limit: configuration.limits.bufferMemory)
        store = try configuration.recoveryURL.map {
            try RecoveryClient(url: $0, tokenFile: configuration.recoveryTokenFile, tls: configuration.recoveryTLS)
        }
        guard let hostname = ServerHostname(rawValue: configuration.hostname) else {
            throw DaemonError("hostname \(configuration.hostname) cannot name a record of clients: choose another --hostname")
        }
        backend = store.map { BackendFollower(store: $0, hostname: hostname, log: log) }
        // The first export's volume, for it to move with: with several, all are exported by one server, which needs one record.
        let directory = configuration.stateDirectory ?? "\(configuration.exports[0].path)/\(HiddenFiles.directoryName)"
        record = try RecoveryRecord(
            directory: directory, opening: { hidden.hiding($0) }, backend: backend, deadline: configuration.recoveryDeadline, log: log)
        server = NFSServer(
            nameSpace: await exports.nameSpace, limits: configuration.protocolLimits, storage: record,
            instance: UInt32(truncatingIfNeeded: UInt64(Date().timeIntervalSince1970 * 1000)), owner: configuration.hostname,
            owners: configuration.owners,
            identities: Identities(managesGroups: configuration.managesGroups, service: SystemAccountService()),
            workerThreads: configuration.workers, pool: pool, kerberos: configuration.acceptorCredential(log), onDeviceError: onDeviceError,
            log: log)
        var settings = Transport.Configuration(loops: configuration.loops)
        settings.maximumRecord = configuration.limits.record
        settings.maximumConnections = configuration.limits.connections
        settings.memoryLimit = configuration.limits.bufferMemory
        transport = try Transport(configuration: settings, pool: pool, service: server, log: log)
        addresses = try configuration.listen.map { [transport] in
            try transport.listen(on: PeerAddress(address: $0.address.bytes, port: $0.port))
        }
    }

    /// Serves until SIGTERM, SIGINT or until the task is cancelled, and closes all files. SIGHUP has the configuration read again,
    /// SIGUSR1 the state told to the log.
    /// - Parameters:
    ///   - read: reads the configuration again.
    ///   - onReady: called when clients can be served.
    package func run(
        _ signals: Signals, reading read: @escaping @Sendable () throws -> ServerConfiguration,
        onReady: @escaping @Sendable () -> Void = {}
    ) async throws {
        try transport.run()
        try register()
        let (ends, ended) = AsyncStream.makeStream(of: End.self)
        let end = await withTaskGroup { group in
            group.addTask {
                try? await server.run {
                    for address in addresses { print("ready \(address)") }
                    fflush(nil)
                    onReady()
                    clinux_release_unused_memory()
                }
            }
            group.addTask { await IdleMemory.release() }
            if let path = configuration.adminSocket {
                group.addTask {
                    await runIfPossible("administration", at: path) {
                        try await AdminService(server: server, socketPath: path, log: log).run()
                    }
                }
            }
            if let address = configuration.metricsAddress {
                group.addTask {
                    await runIfPossible("metrics", at: "\(address)") {
                        let readiness = Readiness(address: addresses[0]) { await exports.firstPseudoPath }
                        try await MetricsService(readiness: readiness, address: address, log: log) { await metrics() }.run()
                    }
                }
            }
            if let program = configuration.deadHostsCommand {
                group.addTask { await DeadHosts(program: program, server: server, log: log).watch() }
            }
            if let backend {
                group.addTask {
                    await backend.run(
                        BackendFollower.Events(
                            superseded: { ended.yield(.superseded($0)) },
                            declaredDead: { owner in server.declareDead(reason: "removed from the recovery backend") { $0 == owner } }))
                }
            }
            group.addTask {
                for await signal in signals.ends { ended.yield(.signal("\(signal)")) }
            }
            group.addTask {
                for await _ in signals.hangups { await exports.reload(into: server, read) }
            }
            group.addTask {
                for await _ in signals.questions {
                    for line in server.status().text.split(separator: "\n") { log.notice("\(line)") }
                }
            }
            let end = await ends.first { _ in true } ?? .signal("cancelled")
            await stop(end)
            group.cancelAll()
            return end
        }
        await suspend()
        unregister()
        await store?.close()
        if case .superseded(let reason) = end { throw DaemonError("this server does not serve any more: \(reason)") }
        log.notice("stopped")
    }

    /// Answers everything on the exports with NFS4ERR_DELAY from now on, and returns when what was under way is answered and all files are
    /// closed: the exports can be unmounted. Sessions and leases live on.
    package func suspend() async { await exports.suspend(in: server, record) }

    /// Serves the exports again, which are mounted where they were. What was open and locked is.
    package func resume() async throws { try await exports.resume(in: server, record) }

    /// Answers whatever asks for a file with NFS4ERR_DELAY from now on, or serves everybody again, whatever else is under way: as long as it
    /// is not known whether another server has the exports.
    package func setHeld(_ isHeld: Bool) { server.setHeld(isHeld) }

    private func metrics() async -> ServerMetrics {
        var lag: ServerMetrics.Backend?
        if let backend { lag = await ServerMetrics.Backend(isInStep: backend.isInStep, pendingChanges: backend.pendingChanges) }
        return ServerMetrics(
            status: server.status(), figures: server.figures(), connections: transport.connectionCount,
            descriptors: await exports.descriptorCount, backend: lag)
    }

    /// Runs a service that clients can do without.
    private func runIfPossible(_ service: String, at address: String, _ run: () async throws -> Void) async {
        do {
            try await run()
        } catch {
            log.error("\(service) cannot be served", metadata: ["address": "\(address)", "error": "\(error)"])
        }
    }

    /// Why serving ends.
    private enum End: Sendable {
        case signal(String)
        /// Another instance has the record of clients: what this one grants is worth nothing.
        case superseded(String)
    }

    /// Ends serving, and leaves the record of clients as the next instance is to find it.
    private func stop(_ end: End) async {
        switch end {
        case .signal(let signal): log.notice("stopping", metadata: ["signal": "\(signal)"])
        case .superseded(let reason): log.critical("a newer instance serves, stopping", metadata: ["reason": "\(reason)"])
        }
        await drain()
        // Where the volume is not mounted there is no record to finish, and another server's is not this one's to.
        guard case .signal = end, !server.isHeld, await !exports.isHeld else { return }
        await server.stop(atMost: .seconds(5))
        let deadline = ContinuousClock.now + .seconds(2)
        while let backend, await !backend.isInStep, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
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

extension ServerConfiguration {
    /// The numbers the engine goes by.
    fileprivate var protocolLimits: Limits {
        var state = StateLimits()
        state.clients = limits.clients
        state.sessions = limits.sessions
        return Limits(
            leaseSeconds: UInt32(lease.components.seconds), graceSeconds: UInt32(grace.components.seconds),
            maximumTransfer: limits.transfer, state: state, graceIO: graceIO,
            securityContexts: MemoryLimit.own.securityContexts, slowOperationSeconds: UInt32(slowOperation.components.seconds))
    }

    fileprivate var owners: OwnerNames {
        guard let ownerDomain else { return OwnerNames() }
        return OwnerNames(domain: ownerDomain, areSent: sendsOwnerNames, service: SystemNameService())
    }

    /// The keys for Kerberos. Without them the other flavors are served all the same.
    fileprivate func acceptorCredential(_ log: Logger) -> AcceptorCredential? {
        guard let keytab else { return nil }
        do throws(KerberosError) {
            return try AcceptorCredential(keytab: keytab, principal: servicePrincipal)
        } catch {
            log.error(
                "Kerberos cannot be served, exports that ask for it are refused: \(error): put the keys there (ktadd nfs/NAME), start again"
            )
            return nil
        }
    }

    package func makeLog(label: String) -> Logger {
        let level = logLevel
        let format = logFormat
        return Logger(label: label) { label in
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
