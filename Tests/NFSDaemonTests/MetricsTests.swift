import ChildProcesses
import Foundation
import NFSDaemon
import NFSServer
import NFSTestClient
import Testing

/// What the tests look at: `root` is the repository.
private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

@Suite("Metrics of the server")
struct MetricsTests {
    /// Of a server that did a bit of everything.
    private static func metrics(awaited: [String] = ["node"], backend: Bool = true) -> String {
        let client = ServerStatus.ClientStatus(
            id: "1", name: "back", address: "10.0.0.1", opens: 2, locks: 3, silentSeconds: 0, hasState: true, isRecorded: true)
        let durations = DurationHistogram(buckets: [5, 0, 2] + Array(repeating: 0, count: 20) + [1], nanoseconds: 30_000_016_384)
        let operations = OperationFigures(
            outcomes: [.init(operation: "READ", status: "OK", count: 7), .init(operation: "READ", status: "STALE", count: 1)],
            requests: [.init(operation: "READ", durations: durations)], flushes: durations, bytesRead: 4096, bytesWritten: 100)
        let figures = ServerFigures(
            operations: operations, sessions: 3, slotsInUse: 4, queued: [("disk", 5), ("brief", 0)], buffersInUse: 8192, buffersIdle: 0)
        return ServerMetrics(
            status: ServerStatus(grace: "open", graceSecondsLeft: 12.5, awaited: awaited, clients: [client, client]), figures: figures,
            connections: 6, descriptors: 9, backend: backend ? .init(isInStep: false, pendingChanges: 2) : nil
        ).text
    }

    @Test("tell everything that is known, with names whatever characters they have")
    func values() {
        let lines = Self.metrics(awaited: ["Linux NFSv4.1 node-c", #"a"b\c"#]).split(separator: "\n").filter { !$0.hasPrefix("#") }
        let others = lines.filter { !$0.contains("_duration_seconds") }
        #expect(
            others == [
                #"remuda_operations_total{operation="READ",status="OK"} 7"#,
                #"remuda_operations_total{operation="READ",status="STALE"} 1"#,
                "remuda_read_bytes_total 4096", "remuda_written_bytes_total 100", "remuda_connections 6", "remuda_clients 2",
                "remuda_sessions 3", "remuda_slots_in_use 4", "remuda_opens 4", "remuda_locks 6", "remuda_grace 1",
                "remuda_grace_seconds_left 12.5", #"remuda_grace_missing_client{client="Linux NFSv4.1 node-c"} 1"#,
                #"remuda_grace_missing_client{client="a\"b\\c"} 1"#, "remuda_recovery_backend_in_step 0",
                "remuda_recovery_backend_pending_changes 2", #"remuda_queued_work{threads="disk"} 5"#,
                #"remuda_queued_work{threads="brief"} 0"#, "remuda_cached_descriptors 9", "remuda_buffers_in_use_bytes 8192",
                "remuda_buffers_idle_bytes 0",
            ])
        #expect(!Self.metrics(backend: false).contains("remuda_recovery_backend"))
    }

    @Test("tell times in buckets that hold those before them")
    func durations() {
        let lines = Self.metrics().split(separator: "\n").filter { $0.hasPrefix("remuda_request_duration_seconds") }
        #expect(lines.count == 26)
        #expect(lines[0] == #"remuda_request_duration_seconds_bucket{operation="READ",le="4.096e-06"} 5"#)
        #expect(lines[2] == #"remuda_request_duration_seconds_bucket{operation="READ",le="1.6384e-05"} 7"#)
        #expect(lines[22] == #"remuda_request_duration_seconds_bucket{operation="READ",le="17.179869184"} 7"#)
        #expect(lines[23] == #"remuda_request_duration_seconds_bucket{operation="READ",le="+Inf"} 8"#)
        #expect(lines[24] == #"remuda_request_duration_seconds_sum{operation="READ"} 30.000016384"#)
        #expect(lines[25] == #"remuda_request_duration_seconds_count{operation="READ"} 8"#)
    }

    @Test("are what promtool accepts", .enabled(if: Promtool.isExpected, Promtool.comment))
    func promtool() throws {
        let outcome = try Promtool.run(["check", "metrics"], input: Self.metrics())
        #expect(outcome.output == "")
        #expect(outcome.status == 0)
    }

    @Test(
        "are served over HTTP, each one that docs/METRICS.md names and promtool accepts, and probes of readiness leave no line each in the log",
        .enabled(if: Promtool.isExpected, Promtool.comment))
    func scrape() async throws {
        let server = try await ServerUnderTest.start(.init(extraArguments: ["--metrics-address", "127.0.0.1:0", "--log-level", "debug"]))
        let session = try await server.session()
        _ = try await session.open(session.lookup(path: server.exportPath), "file")
        let address = try await Self.address(of: server)
        for _ in 1...5 { #expect(try Self.get("\(address)/readyz") == "200 text/plain; charset=utf-8 ready\n") }
        let answer = try Self.get("\(address)/metrics")
        let prefix = "200 text/plain; version=0.0.4; charset=utf-8 "
        try #require(answer.hasPrefix(prefix), "\(answer)")
        let text = String(answer.dropFirst(prefix.count))
        let outcome = try Promtool.run(["check", "metrics"], input: text)
        #expect(outcome.output == "")
        #expect(outcome.status == 0)
        let names = Set(text.split(separator: "\n").filter { $0.hasPrefix("# HELP ") }.map { String($0.split(separator: " ")[2]) })
        let expected = Self.rows(Self.metrics(backend: false)).map { String($0.split(separator: "`")[1]) }
        #expect(names == Set(expected))
        let samples = Set(text.split(separator: "\n").map(String.init))
        #expect(samples.isSuperset(of: ["remuda_clients 2", "remuda_sessions 2", "remuda_opens 1", "remuda_grace 0"]))
        #expect(text.contains(#"remuda_operations_total{operation="OPEN",status="OK"} 1"#))
        let events = try await server.log().split(separator: "\n").filter { $0.contains("client is here") || $0.contains("client is gone") }
        #expect(events.filter { $0.contains("readyz") }.count == 1, "\(events)")
    }

    /// Where a server tells its metrics, which it says in its log.
    private static func address(of server: ServerUnderTest) async throws -> String {
        var port: Substring?
        try await eventually("lines about metrics in the log") {
            port = try await server.log().firstMatch(of: /127\.0\.0\.1:([0-9]+).*metrics are served/)?.1
            return port != nil
        }
        return "http://127.0.0.1:\(port ?? "")"
    }

    /// The status, the type and the content of an answer over HTTP.
    private static func get(_ url: String) throws -> String {
        let curl = try FinishedProgram("/usr/bin/curl", ["-s", "-m", "20", "-w", "%{stderr}%{http_code} %{content_type} ", url])
        return curl.errors + curl.output
    }

    /// The rows of docs/METRICS.md as the server's metrics make them.
    private static func rows(_ metrics: String = metrics()) -> [String] {
        let lines = metrics.split(separator: "\n")
        let helps = lines.filter { $0.hasPrefix("# HELP ") }.map { $0.split(separator: " ", maxSplits: 3).dropFirst(2).map(String.init) }
        return helps.map { help in
            let name = help[0]
            let kind = lines.first { $0.hasPrefix("# TYPE \(name) ") }?.split(separator: " ").last ?? ""
            let sample = lines.first { !$0.hasPrefix("#") && $0.split(whereSeparator: { "{ ".contains($0) })[0].hasPrefix(name) } ?? ""
            let labels = sample.matches(of: #/([a-z]+)="/#).map(\.1).filter { $0 != "le" }.map { "`\($0)`" }.joined(separator: ", ")
            return "| `\(name)` | \(kind) | \(labels) | \(help[1]) |"
        }
    }

    @Test("are in docs/METRICS.md, each with its kind, labels and meaning, and no others")
    func documentation() throws {
        let text = try String(contentsOf: root.appending(path: "docs/METRICS.md"), encoding: .utf8)
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("| `remuda_") }.map(String.init) == Self.rows())
    }

    @Test("are what the dashboard and the alert rules look at", arguments: ["dashboard.json", "alerts.yaml", "alerts-test.yaml"])
    func monitoring(file: String) throws {
        let text = try String(contentsOf: root.appending(path: "deploy/monitoring/\(file)"), encoding: .utf8)
        let known = Set(
            Self.metrics().split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
                String($0.split(whereSeparator: { "{ ".contains($0) })[0])
            })
        let named = Set(text.matches(of: #/remuda_[a-z_]+/#).map { String($0.0) })
        #expect(named.count >= 5)
        #expect(named.subtracting(known) == [])
        if file.hasSuffix("json") { _ = try JSONSerialization.jsonObject(with: Data(text.utf8)) }
    }

    @Test("raise the alerts they should, as promtool finds", .enabled(if: Promtool.isExpected, Promtool.comment))
    func alerts() throws {
        let directory = root.appending(path: "deploy/monitoring").path
        #expect(try Promtool.run(["check", "rules", "\(directory)/alerts.yaml"]).status == 0)
        let outcome = try Promtool.run(["test", "rules", "\(directory)/alerts-test.yaml"])
        #expect(outcome.status == 0, "\(outcome.output)")
    }
}

/// Prometheus's own checks.
private enum Promtool {
    private static let path = "/usr/bin/promtool"
    /// Whether it is there, or has to be.
    static let isExpected =
        FileManager.default.isExecutableFile(atPath: path) || ProcessInfo.processInfo.environment["CI"] == "true"
    static let comment: Comment = "needs promtool: install prometheus (scripts/install-dependencies test)"

    static func run(_ arguments: [String], input: String = "") throws -> (status: Int32, output: String) {
        let directory = try TemporaryDirectory()
        let program = try FinishedProgram(path, arguments, input: directory.file(input))
        return (program.status, program.output + program.errors)
    }
}
