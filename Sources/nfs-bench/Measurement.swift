import Glibc
import NFSTestClient

/// What a run came to. Durations are in microseconds.
struct Measurement: Codable, Sendable {
    var workload: Workload
    var load: Load
    /// How long it took; where data was written, with its COMMIT.
    var seconds: Double
    var operations: UInt64
    var operationsPerSecond: Double
    var median: Double
    var p99: Double
    var longest: Double
    /// CPU time of this program.
    var clientTimePerOperation: Double
    /// CPU time of the server; nil when its process was not named.
    var serverTimePerOperation: Double?

    static func of(_ workload: Workload, _ load: Load, on endpoint: Endpoint, serverPID: pid_t?) async throws -> Measurement {
        let clients = try await Clients(workload, load, endpoint)
        let measurement = try clients.measure(serverPID: serverPID)
        try await clients.leave()
        return measurement
    }
}

/// The clients of a run: their sessions, what they have open, and their connections.
private struct Clients {
    private let workload: Workload
    private let load: Load
    private var sessions: [(session: TestSession, opened: [OpenedFile])] = []
    private var connections: [LoadConnection] = []
    /// Own the connections' descriptors.
    private var sockets: [Socket] = []

    init(_ workload: Workload, _ load: Load, _ endpoint: Endpoint) async throws {
        self.workload = workload
        self.load = load
        var files: Files?
        for number in 0..<load.connections {
            let socket = try Socket(endpoint)
            sockets.append(socket)
            guard workload != .null else {
                connections.append(LoadConnection(socket, Script(), slots: load.slots, number: number, blockSize: 0))
                continue
            }
            let session = try await Self.session(over: socket, load)
            let prepared: Files
            if let files { prepared = files } else { prepared = try await Files.prepare(for: workload, session, path: endpoint.path) }
            files = prepared
            let read = workload.reads ? try await session.opened(prepared.directory, Files.dataName) : nil
            var written: OpenedFile?
            if workload == .lockunlock { written = try await session.opened(prepared.directory, "locked") }
            if workload.writes {
                let file = try await session.opened(prepared.directory, "written-\(number)")
                try await session.fill(file, Files.writtenSize(connections: load.connections))
                written = file
            }
            let script = Script(
                workload, session, slots: load.slots, number: number, of: load.connections, files: prepared, read: read, written: written)
            connections.append(LoadConnection(socket, script, slots: load.slots, number: number, blockSize: workload.blockSize))
            sessions.append((session, [read, written].compactMap { $0 }))
        }
    }

    private static func session(over socket: Socket, _ load: Load) async throws -> TestSession {
        var channel = ChannelAttributes()
        // One more slot, to prepare and to clean up with.
        channel.maxRequests = UInt32(load.slots + 1)
        channel.maxRequestSize = 1 << 20 | 8192
        channel.maxResponseSize = 1 << 20 | 8192
        let session = try await TestSession.establish(over: socket, fore: channel)
        let granted = Int(session.created.fore.maxRequests) - 1
        guard granted >= load.slots else {
            throw LoadFailure(
                "the server gives a session \(granted + 1) slots; ask for \(granted) with --slots, and for more --connections")
        }
        return session
    }

    func measure(serverPID: pid_t?) throws -> Measurement {
        var loop = LoadLoop(connections)
        try loop.run(seconds: 0.5, commits: workload.commits, isRecording: false)
        let server = try serverPID.map(ProcessorTime.of)
        let client = ProcessorTime.own
        let begun = nanoseconds(CLOCK_MONOTONIC)
        try loop.run(seconds: load.seconds, commits: workload.commits, isRecording: true)
        let seconds = Double(nanoseconds(CLOCK_MONOTONIC) - begun) / 1e9
        let operations = loop.durations.total
        guard operations > 0 else { throw LoadFailure("no operation ended within \(load.seconds) seconds; measure for longer") }
        func perOperation(_ time: UInt64) -> Double { Double(time) / 1e3 / Double(operations) }
        return Measurement(
            workload: workload, load: load, seconds: seconds, operations: operations, operationsPerSecond: Double(operations) / seconds,
            median: loop.durations.quantile(0.5) / 1e3, p99: loop.durations.quantile(0.99) / 1e3,
            longest: Double(loop.durations.maximum) / 1e3, clientTimePerOperation: perOperation(ProcessorTime.own - client),
            serverTimePerOperation: try serverPID.map { perOperation(try ProcessorTime.of($0) - (server ?? 0)) })
    }

    /// Gives everything back that the server keeps for these clients.
    func leave() async throws {
        for (session, opened) in sessions {
            for file in opened { try await session.close(file) }
            try await session.connection.compound(.destroySession(session.id)).succeeded()
            try await session.connection.compound(.destroyClientID(session.clientID)).succeeded()
        }
    }
}
