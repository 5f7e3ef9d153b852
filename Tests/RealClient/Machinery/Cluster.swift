import Foundation
import RecoveryJournal

/// A volume, the server that exports it as /vol, its recovery backend, and clients that have it mounted at /mnt/vol.
actor Cluster {
    struct Plan: Sendable {
        enum FileSystem: String {
            case ext4, xfs
        }

        enum Mount: String {
            /// What Longhorn's CSI driver passes.
            case longhorn = "vers=4.1,noresvport,timeo=600,retrans=5,softerr"
            /// `mount -t nfs4` with no option: Linux starts with the highest minor version it knows.
            case plain = "rw"
            case manyConnections = "vers=4.1,nconnect=16"
        }

        var nodes: [String]
        var fileSystem = FileSystem.ext4
        var mount = Mount.longhorn
        /// In seconds.
        var lease = 60
        var grace = 90
    }

    @TaskLocal private static var running: Cluster?

    /// The cluster that the suite's trait started.
    static var current: Cluster {
        guard let running else { preconditionFailure("the suite lacks the trait .cluster(…)") }
        return running
    }

    static func running(_ plan: Plan, perform: () async throws -> Void) async throws {
        try await Laboratory.running(kernels: plan.nodes.count) { laboratory in
            let cluster = try await Cluster(plan, in: laboratory)
            try await $running.withValue(cluster) { try await perform() }
        }
    }

    /// Under this name the server is known to the recovery backend.
    static let serverName = "share-manager-vol"
    private static let backendPort = 9503
    private static let proxyPort = 9504

    nonisolated let plan: Plan
    nonisolated let clients: [KernelClient]
    /// Gone with the cluster.
    nonisolated var directory: URL { laboratory.directory }
    private let laboratory: Laboratory
    /// A file in the laboratory's memory: here only processes die, and a disk that flushes slowly would be what is measured.
    private let image = "/dev/shm/volume.image"
    private var mountPoint: String?
    private var launches = 0
    private var server: ChildProcess?
    private var backend: ChildProcess?

    private init(_ plan: Plan, in laboratory: Laboratory) async throws {
        self.plan = plan
        self.laboratory = laboratory
        async let clients = Self.boot(plan.nodes, in: laboratory)
        try await laboratory.run("truncate", "--size", "4G", image)
        try await laboratory.run("mkfs.\(plan.fileSystem)", "-q", image)
        self.clients = try await clients
        try await mountVolume()
        try await laboratory.run("chmod", "0777", mountPoint!)
        try await startBackend()
        try await startServer()
        for client in self.clients {
            try await client.run("mkdir /mnt/vol; mount -t nfs4 -o \(plan.mount.rawValue) \(Laboratory.serverAddress):/vol /mnt/vol")
        }
    }

    private static func boot(_ nodes: [String], in laboratory: Laboratory) async throws -> [KernelClient] {
        try await withThrowingTaskGroup(of: (Int, KernelClient).self) { group in
            for (index, node) in nodes.enumerated() {
                group.addTask { (index, try await KernelClient(node: node, number: index + 1, in: laboratory)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

// MARK: The block device

extension Cluster {
    /// Mounts the volume on a loop device and at a mount point that it did not have before.
    func mountVolume() async throws {
        // Attached while the old device is still there, so that the number of the device changes too.
        let device = try await laboratory.run("losetup", "--find", "--show", image).trimmingCharacters(in: .newlines)
        if let mountPoint { try await laboratory.run("umount", mountPoint) }
        let newPlace = laboratory.directory.appending(path: "export-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: newPlace, withIntermediateDirectories: false)
        try await laboratory.run("mount", device, newPlace)
        mountPoint = newPlace
        // Takes effect when the file system is unmounted.
        try await laboratory.run("losetup", "--detach", device)
    }

    /// Makes a directory beside the server, and has the first client list it.
    func listsDirectory(of entries: Int) async throws {
        let (name, program) = ("large", Laboratory.programs.appending(path: "client-workload").path)
        try await laboratory.run("mkdir", "\(mountPoint!)/\(name)")
        try await laboratory.run(program, "fill-directory", "\(mountPoint!)/\(name)", "\(entries)")
        try await clients[0].run("$workload list-directory /mnt/vol/\(name) \(entries)")
    }
}

// MARK: The server and its recovery backend

extension Cluster {
    enum BackendRoute {
        case direct
        /// Through a proxy that lets everything pass but the request that ends grace.
        case withholdingEndOfGrace
    }

    /// Returns when the server says that it is ready.
    func startServer() async throws {
        try launchServer()
        try await serverIsReady()
    }

    /// Starts the server without waiting for it.
    /// - Parameters:
    ///   - point: where it is to end itself.
    ///   - arguments: of this instance alone.
    func launchServer(route: BackendRoute = .direct, crashingAt point: CrashPoint? = nil, arguments: [String] = []) throws {
        let port = route == .direct ? Self.backendPort : Self.proxyPort
        server = try launch(
            "nfs-server", crashingAt: point,
            [
                "serve", "--export", "\(mountPoint!):/vol", "--listen", "\(Laboratory.serverAddress):2049",
                "--recovery-url", "http://\(Laboratory.serverAddress):\(port)/v1/recoverybackend", "--hostname", Self.serverName,
                "--lease", "\(plan.lease)", "--grace", "\(plan.grace)",
                "--admin-socket", adminSocket, "--metrics-address", Self.metricsAddress,
            ] + arguments)
    }

    private static let metricsAddress = "\(Laboratory.serverAddress):9587"

    /// What the server tells Prometheus.
    func metrics() async throws -> String {
        try await laboratory.get("http://\(Self.metricsAddress)/metrics")
    }

    private var adminSocket: String { directory.appending(path: "admin.socket").path }

    /// Waits until the server has ended itself at the point it was launched for.
    func serverCrashes() async throws {
        guard let server else { throw TestFailure("nothing was started") }
        guard try await server.ended(within: .seconds(30)) == SIGKILL else {
            throw TestFailure("\(server.name) was not killed\n\(server.lastLines)")
        }
    }

    /// The server is killed and `pause` later started again.
    /// - Returns: how long it was away: from the kill until it says that it is ready.
    func restartServer(after pause: Duration) async throws -> Duration {
        let killed = ContinuousClock.now
        try await killServer()
        try await Task.sleep(for: pause)
        try await startServer()
        return killed.duration(to: .now)
    }

    func evict(_ client: String) async throws {
        let program = Laboratory.programs.appending(path: "nfs-server").path
        try await laboratory.run(program, "evict", "--admin-socket", adminSocket, client)
    }

    /// Waits until the launched server says that it is ready.
    func serverIsReady() async throws {
        guard let server else { throw TestFailure("nothing was started") }
        try await server.isReady()
    }

    func killServer() async throws {
        try await server?.kill()
    }

    /// What to show of the server of the cluster, if there is one, when a test fails.
    static var serverLines: String {
        get async { await running?.serverLines ?? "" }
    }

    private var serverLines: String {
        guard let server else { return "no server was started" }
        return "\(server.name), \(server.isRunning ? "running" : "ended"):\n\(server.lastLines)"
    }

    func startBackend() async throws {
        let store = laboratory.directory.appending(path: "recovery.sqlite").path
        let backend = try launch(
            "recovery-backend", ["serve", "--listen", "0.0.0.0:\(Self.backendPort)", "--store", "sqlite:\(store)"])
        self.backend = backend
        try await backend.isReady()
    }

    func killBackend() async throws {
        try await backend?.kill()
    }

    /// It keeps connections and answers nothing.
    func pauseBackend() throws {
        try backend?.pause()
    }

    /// The proxy of `BackendRoute.withholdingEndOfGrace`; its output is "withheld" once the request came.
    func startProxy() async throws -> ChildProcess {
        let proxy = try launch(
            "client-workload",
            [
                "withhold-end-of-grace", "--listen", "\(Self.proxyPort)",
                "--backend", "\(Self.backendPort)", "--hostname", Self.serverName,
            ])
        try await proxy.isReady()
        return proxy
    }

    /// The clients of the active version, as the recovery backend lists them, without the server's own entry.
    func recordedClients() async throws -> [String] {
        struct Status: Decodable {
            let clients: [String]
        }
        let answer = try await laboratory.get(Self.recordURL)
        return try JSONDecoder().decode(Status.self, from: Data(answer.utf8)).clients.filter { !$0.contains(":remuda-journal ") }.sorted()
    }

    /// Takes a client off the active version, as an administrator of the recovery backend does.
    func deleteRecorded(_ client: String) async throws {
        let name = "\(client.utf8.count):\(client)".addingPercentEncoding(withAllowedCharacters: .alphanumerics)!
        try await laboratory.run("curl", "--fail", "--silent", "--show-error", "--request", "DELETE", "\(Self.recordURL)/\(name)")
    }

    private static let recordURL = "http://\(Laboratory.serverAddress):\(backendPort)/v1/recoverybackend/\(serverName)"

    private func launch(_ program: String, crashingAt point: CrashPoint? = nil, _ arguments: [String]) throws -> ChildProcess {
        launches += 1
        let environment = point.map { ["env", "\(CrashPoint.variable)=\($0.rawValue)"] } ?? []
        return try laboratory.start(
            "\(program)-\(launches)", environment + [Laboratory.programs.appending(path: program).path] + arguments)
    }
}
