import FileSystem
import LocalFileSystem
import Logging
import NFSServer
import RPC

/// The exports as they are served, and what becomes of them when the configuration is read again.
actor ServedExports {
    private let executor = DiskExecutor(label: "exports")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let hidden: HiddenFiles
    private let cacheMemory: CacheMemory
    private let log: Logger
    /// What is in force: of all settings but the exports what the server was started with.
    private var configuration: ServerConfiguration
    /// By pseudo path.
    private var fileSystems: [String: LocalFileSystem]
    private(set) var isHeld = false
    /// The first export of the start, which has the journal unless another directory was named.
    private let firstPath: String?

    /// - Throws: `LocalFileSystemError`.
    init(_ configuration: ServerConfiguration, hidden: HiddenFiles, log: Logger) throws {
        self.configuration = configuration
        self.hidden = hidden
        self.log = log
        firstPath = configuration.exports.first?.path
        cacheMemory = CacheMemory(limit: configuration.limits.cacheMemory)
        fileSystems = try Self.fileSystems(of: configuration, hidden, cacheMemory) { _ in nil }
    }

    var nameSpace: NameSpace {
        NameSpace(
            configuration.exports.compactMap { export in
                fileSystems[export.pseudoPath].map {
                    NameSpace.Entry(pseudoPath: export.pseudoPath, fileSystem: $0, rules: export.rules, isHeld: isHeld)
                }
            })
    }

    /// The path of an export, or of the root of all when there is none.
    var firstPseudoPath: String { configuration.exports.first?.pseudoPath ?? "/" }

    /// Descriptors of files that are open, or kept open to be used again.
    var descriptorCount: Int { fileSystems.values.reduce(0) { $0 + $1.descriptorCount } }

    /// Has everything on the exports answered with NFS4ERR_DELAY from now on, waits for what is under way, and closes all files.
    func suspend(in server: NFSServer, _ record: RecoveryRecord) async {
        isHeld = true
        await server.serve(nameSpace).value
        await record.suspend()
        for fileSystem in fileSystems.values where fileSystem.suspend() { server.setWritesLost() }
    }

    /// Serves the exports again.
    func resume(in server: NFSServer, _ record: RecoveryRecord) async throws {
        for fileSystem in fileSystems.values { try fileSystem.resume() }
        try await record.resume()
        isHeld = false
        server.serve(nameSpace)
    }

    /// Takes over the exports that `read` finds, all of them or, when anything is wrong, nothing.
    func reload(into server: NFSServer, _ read: @Sendable () throws -> ServerConfiguration) {
        LocalFileSystem.actAsSuperuser()
        do {
            var new = try read()
            for warning in new.warnings { log.warning("\(warning)") }
            let settings = new.settingsThatDiffer(from: configuration)
            let kept = keepFileSystems(of: &new)
            let fileSystems = try Self.fileSystems(of: new, hidden, cacheMemory) { kept[$0.pseudoPath] }
            warn(of: settings, new)
            let before = configuration.exports
            configuration.exports = new.exports
            self.fileSystems = fileSystems
            server.serve(nameSpace)
            let (old, now) = (Set(before.map(\.pseudoPath)), Set(new.exports.map(\.pseudoPath)))
            let changed = new.exports.filter { old.contains($0.pseudoPath) && !before.contains($0) }.map(\.pseudoPath)
            log.notice(
                "configuration read again",
                metadata: [
                    "added": Self.list(now.subtracting(old)), "removed": Self.list(old.subtracting(now)), "changed": Self.list(changed),
                ])
        } catch {
            for problem in "\(error)".split(separator: "\n") {
                log.error("the configuration is refused, the one before stays in force", metadata: ["problem": "\(problem)"])
            }
        }
    }

    /// The file systems that go on being served. How they are served cannot be changed meanwhile: the exports in `new` keep it.
    private func keepFileSystems(of new: inout ServerConfiguration) -> [String: LocalFileSystem] {
        var kept: [String: LocalFileSystem] = [:]
        for index in new.exports.indices {
            let export = new.exports[index]
            guard let old = configuration.exports.first(where: { $0.pseudoPath == export.pseudoPath && $0.path == export.path }) else {
                continue
            }
            kept[export.pseudoPath] = fileSystems[export.pseudoPath]
            if (old.isSynchronous, old.crossesMounts) != (export.isSynchronous, export.crossesMounts) {
                log.warning(
                    "sync and cross-mounts of an export stay as they are until the server is restarted",
                    metadata: ["export": "\(export.pseudoPath)"])
                new.exports[index].isSynchronous = old.isSynchronous
                new.exports[index].crossesMounts = old.crossesMounts
            }
        }
        return kept
    }

    private func warn(of settings: [Setting], _ new: ServerConfiguration) {
        if !settings.isEmpty {
            log.warning(
                "settings that differ stay as they are until the server is restarted",
                metadata: ["settings": Self.list(settings.map(\.rawValue))])
        }
        guard configuration.stateDirectory == nil, let firstPath, let first = new.exports.first?.path else { return }
        if !new.exports.contains(where: { $0.path == firstPath }) {
            log.warning(
                "the export that is removed has the client records: it cannot be unmounted while the server runs, and the next start would look for them on the first export: name a state-dir and start the server again",
                metadata: ["records": "\(firstPath)/\(HiddenFiles.directoryName)", "first": "\(first)"])
        } else if first != firstPath {
            log.warning(
                "the client records stay where they are, but the next start would look for them on the first export: name a state-dir, or keep that export first",
                metadata: ["records": "\(firstPath)/\(HiddenFiles.directoryName)", "first": "\(first)"])
        }
    }

    private static func list(_ names: some Sequence<String>) -> Logger.MetadataValue {
        .string(names.sorted().joined(separator: " "))
    }

    private static func fileSystems(
        of configuration: ServerConfiguration, _ hidden: HiddenFiles, _ cacheMemory: CacheMemory,
        keeping kept: (ExportConfiguration) -> LocalFileSystem?
    ) throws -> [String: LocalFileSystem] {
        for export in configuration.exports where kept(export) == nil { hidden.hide(in: export.path) }
        let descriptors = max(64, configuration.limits.cachedDescriptors / max(1, configuration.exports.count))
        let memory = MemoryLimit.own
        var fileSystems: [String: LocalFileSystem] = [:]
        for export in configuration.exports {
            fileSystems[export.pseudoPath] =
                try kept(export)
                ?? LocalFileSystem(
                    path: export.path, durableMetadata: export.isSynchronous, descriptorLimit: descriptors,
                    crossesMounts: export.crossesMounts, hidden: hidden, cacheMemory: cacheMemory, isMemoryShort: { memory.isNearlyReached }
                )
        }
        for fileSystem in fileSystems.values { fileSystem.descriptorLimit = descriptors }
        return fileSystems
    }
}

extension ExportConfiguration {
    /// The export's rules as the engine takes them.
    fileprivate var rules: Export.Rules {
        Export.Rules(takesUTF8Only: takesUTF8Only) { peer in
            IPAddress(bytes: peer.address).flatMap(allowedNetwork)?.rule
        }
    }
}
