import Foundation
import RecoveryJournal
import Testing

extension RealClient {
    @Suite("the killed server", .serialized, .timeLimit(.minutes(5)), .cluster(.init(nodes: ["node-a", "node-b", "node-c"])))
    struct KilledServer {
        let cluster = Cluster.current

        /// What a client may stall longer than the server was away.
        static let shortStall = Duration.seconds(1.5)
        /// For what waits on Linux's own pauses between attempts as well.
        static let longStall = Duration.seconds(60)

        @discardableResult
        func underLoad(_ interruption: (Load) async throws -> Void) async throws -> [String: Duration] {
            try await Load.during(workers: Array(cluster.clients[0...1]), rival: cluster.clients[2]) { load in
                try await interruption(load)
                try await load.goesOn(within: Self.longStall)
            }
        }

        /// Runs `absence`, which kills the server, and returns how long it was away. No client may stall much longer.
        func stallsAreShort(_ absence: () async throws -> Duration) async throws {
            try await quickly {
                var away = Duration.zero
                let stalls = try await underLoad { load in
                    away = try await absence()
                    try await load.goesOn(within: Self.longStall)
                    // Time for a second stall.
                    try await Task.sleep(for: .seconds(2))
                }
                print("the server was away for \(away)")
                try await eventually("all clients are on record", within: .seconds(10)) { try await areAllRecorded() }
                return stalls.sorted { $0.key < $1.key }.compactMap { node, stall in
                    print("longest stall of \(node): \(stall), \(stall - away) longer than the server was away")
                    #expect(stall > away - .seconds(1), "it noticed nothing, so the test shows nothing")
                    return stall <= away + Self.shortStall ? nil : "\(node) stalled \(stall - away) longer than the server was away"
                }
            }
        }

        func areAllRecorded() async throws -> Bool {
            let owners = cluster.clients.map { "Linux NFSv4.1 \($0.node)" }
            return try await cluster.recordedClients() == owners.map { "\($0.utf8.count):\($0)" }.sorted()
        }

        @Test("away for 2 s: nothing fails, nothing is lost, no client stalls for 1.5 s longer")
        func killedAndStartedAgain() async throws {
            try await stallsAreShort { try await cluster.restartServer(after: .seconds(2)) }
        }

        /// When the recovery backend is killed.
        enum BackendKilled: CaseIterable {
            case beforeTheRestart, whileTheServerAsksIt, afterTheRestart
        }

        @Test(
            "the recovery backend is killed too: clients do not notice, and it catches up when it is back",
            arguments: BackendKilled.allCases)
        func backendKilled(_ moment: BackendKilled) async throws {
            try await stallsAreShort {
                let away: Duration
                switch moment {
                case .beforeTheRestart:
                    try await cluster.killBackend()
                    away = try await cluster.restartServer(after: .seconds(2))
                case .whileTheServerAsksIt:
                    let killed = ContinuousClock.now
                    try await cluster.killServer()
                    try await cluster.pauseBackend()
                    try await Task.sleep(for: .seconds(1.7))
                    try await cluster.launchServer()
                    try await Task.sleep(for: .seconds(0.3))
                    try await cluster.killBackend()
                    try await cluster.serverIsReady()
                    away = killed.duration(to: .now)
                case .afterTheRestart:
                    away = try await cluster.restartServer(after: .seconds(2))
                    try await cluster.killBackend()
                }
                // The clients come back and reclaim, grace ends.
                try await Task.sleep(for: .seconds(3))
                try await cluster.startBackend()
                return away
            }
        }

        @Test("byte-range locks of three clients on one file survive, and a fourth locker never gets in")
        func byteRanges() async throws {
            let path = "/mnt/vol/ranges-\(UUID().uuidString)"
            let holders = try cluster.clients.enumerated().map { number, client in
                try RepeatedJob(on: client, "hold-locks \(path) posix:exclusive:\(number * 100):100")
            }
            try await goOn(holders, within: .seconds(10))
            // On each client one that wants what the others hold: the server has to refuse it.
            let wanted = cluster.clients.indices.map { number in
                cluster.clients.indices.filter { $0 != number }.map { "posix:shared:\($0 * 100 + 99):1" }
            }
            let others = try zip(cluster.clients, wanted).map { client, locks in
                try RepeatedJob(on: client, "lock-refused \(locks.map { "\(path)=\($0)" }.joined(separator: " "))")
            }
            try await goOn(others, within: .seconds(10))

            let away = try await cluster.restartServer(after: .seconds(2))
            for (job, after) in try await goOn(others + holders, within: Self.longStall) {
                print("\(job.name) goes on \(after) after the server, which was away for \(away)")
            }
            for _ in 1...3 { try await goOn(others + holders, within: .seconds(10)) }
            for job in others + holders { try await job.stop() }
            for (client, locks) in zip(cluster.clients, wanted) {
                for lock in locks { #expect(try await client.run("$workload try-lock \(path) \(lock)") == "granted\n") }
            }
        }

        @Test(
            "which then dies in each phase of its return: all reclaim from the one after it",
            arguments: [CrashPoint.beginDurable, .addWritten, .activateWritten])
        func crashes(at point: CrashPoint) async throws {
            try await underLoad { _ in
                try await cluster.killServer()
                try await cluster.launchServer(crashingAt: point)
                try await cluster.serverCrashes()
                try await cluster.startServer()
            }
            try await eventually("all clients are on record", within: .seconds(10)) { try await areAllRecorded() }
        }

        @Test("killed after all clients have reclaimed, before the recovery backend learns that grace is over")
        func endOfGraceWithheld() async throws {
            try await underLoad { _ in
                let proxy = try await cluster.startProxy()
                try await cluster.killServer()
                try await cluster.launchServer(route: .withholdingEndOfGrace)
                try await eventually("the server asks for the end of grace", within: Self.longStall) {
                    proxy.output.contains("withheld")
                }
                try await cluster.killServer()
                try await cluster.startServer()
            }
        }

        @Test("started again with the volume on another device and mount point: file handles stay valid")
        func volumeMoved() async throws {
            try await underLoad { _ in
                try await cluster.killServer()
                try await cluster.mountVolume()
                try await cluster.startServer()
            }
        }
    }
}
