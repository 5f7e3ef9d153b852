import Foundation
import Testing

extension RealClient {
    /// What survivors and a victim do, whatever ends the grace period that waits for the victim.
    struct Victim {
        let client: KernelClient
        private let path: String
        private let writer: RepeatedJob
        private let holder: RepeatedJob

        /// The client writes and holds a lock.
        init(_ client: KernelClient) async throws {
            self.client = client
            path = "/mnt/vol/\(client.node)"
            writer = try RepeatedJob(on: client, "write-durably \(path).data --seed 1")
            holder = try RepeatedJob(on: client, "hold-locks \(path).locked flock:exclusive")
            try await goOn([writer, holder], within: .seconds(10))
        }

        /// Its name in the record of clients.
        var owner: String { "Linux NFSv4.1 \(client.node)" }

        var isRecorded: Bool {
            get async throws { try await Cluster.current.recordedClients().contains { $0.hasSuffix(":\(owner)") } }
        }

        /// What was acknowledged to it is there, and its lock is free.
        func isInherited(by survivor: KernelClient) async throws {
            try await survivor.run("$workload verify-durable \(path).data --seed 1 --records \(writer.steps.count)")
            #expect(try await survivor.run("$workload try-lock \(path).locked flock:exclusive") == "granted\n")
        }
    }

    @Suite(
        "a client dies with the server", .serialized, .timeLimit(.minutes(5)),
        .cluster(.init(nodes: ["node-a", "node-b", "node-c", "node-d"], lease: 8, grace: 12)))
    struct KilledClient {
        let cluster = Cluster.current

        /// The two that stay, under load, while a victim loses power and the server is killed.
        func underLoad(victim client: KernelClient, _ interruption: (Victim, Load) async throws -> Void) async throws {
            try await Load.during(workers: [cluster.clients[0]], rival: cluster.clients[1]) { load in
                let victim = try await Victim(client)
                try await client.cutPower()
                try await cluster.killServer()
                try await cluster.startServer()
                try await interruption(victim, load)
                try await victim.isInherited(by: cluster.clients[1])
            }
        }

        @Test("grace lasts its full length and not longer, then the others go on")
        func fullGrace() async throws {
            try await underLoad(victim: cluster.clients[2]) { victim, load in
                let length = Duration.seconds(cluster.plan.grace)
                let grace = try await eventually("grace ends", within: length * 2) { try await !victim.isRecorded }
                print("grace lasted \(grace)")
                #expect(grace > length - .milliseconds(500))
                #expect(grace < length + .seconds(1))
                try await load.goesOn(within: .seconds(3))
            }
        }

        @Test("killed again during grace: the survivors keep everything, the dead client is waited for once more")
        func killedDuringGrace() async throws {
            try await underLoad(victim: cluster.clients[3]) { victim, load in
                try await Task.sleep(for: .seconds(cluster.plan.grace / 2))
                #expect(try await victim.isRecorded)
                try await cluster.killServer()
                try await cluster.startServer()
                try await load.goesOn(within: .seconds(cluster.plan.grace) + KilledServer.longStall)
                #expect(try await !victim.isRecorded)
            }
        }
    }

    @Suite("a client dies with the server and is declared dead", .serialized, .timeLimit(.minutes(2)))
    struct DeclaredDead {
        enum Way: CaseIterable {
            case deletedAtTheBackend, evicted, printedByTheDeadHostsCommand
        }

        /// With a server that is back at once, the clients have not connected again yet; with one that was away they wait for the
        /// end of grace.
        @Test("2 s after the server was started again: the others write and open within 1.5 s", arguments: Way.allCases, [0, 2])
        func declaredDead(_ way: Way, serverAway seconds: Int) async throws {
            try await quickly {
                var late: [String] = []
                try await Cluster.running(.init(nodes: ["node-a", "node-b", "node-c"])) {
                    let (untilDeclared, stalls) = try await declare(way, serverAway: seconds)
                    late = stalls.sorted { $0.key < $1.key }.compactMap { node, stall in
                        print("longest stall of \(node): \(stall)")
                        return stall <= untilDeclared + .seconds(1.5)
                            ? nil : "\(node) stalled for \(stall), \(stall - untilDeclared) after the declaration"
                    }
                }
                return late
            }
        }

        /// - Returns: how long after the kill the client was declared dead, and the longest stalls of the others.
        private func declare(_ way: Way, serverAway seconds: Int) async throws -> (Duration, stalls: [String: Duration]) {
            let cluster = Cluster.current
            let (deadHosts, watcher) = try makeWatcher(in: cluster.directory)
            var untilDeclared = Duration.zero
            let stalls = try await Load.during(workers: [cluster.clients[0]], rival: cluster.clients[1]) { load in
                let victim = try await Victim(cluster.clients[2])
                try await victim.client.cutPower()
                let killed = ContinuousClock.now
                try await cluster.killServer()
                try await Task.sleep(for: .seconds(seconds))
                try await cluster.launchServer(arguments: ["--dead-hosts-command", watcher.path])
                try await cluster.serverIsReady()
                try await Task.sleep(until: killed + .seconds(2 + seconds))

                #expect(try await victim.isRecorded, "grace is over before the declaration, so the test shows nothing")
                let missing = "remuda_grace_missing_client{client=\"\(victim.owner)\"} 1\n"
                #expect(try await cluster.metrics().contains(missing))
                let declared = ContinuousClock.now
                untilDeclared = killed.duration(to: declared)
                switch way {
                case .deletedAtTheBackend: try await cluster.deleteRecorded(victim.owner)
                case .evicted: try await cluster.evict(victim.owner)
                case .printedByTheDeadHostsCommand: try Data("\(victim.client.node)\n".utf8).write(to: deadHosts)
                }
                try await load.goesOn(within: KilledServer.longStall)
                print("\(way) \(untilDeclared) after the kill; all go on \(declared.duration(to: .now)) after the declaration")
                try await victim.isInherited(by: cluster.clients[1])
            }
            return (untilDeclared, stalls)
        }

        /// A file whose lines a program prints as they come, and that program.
        private func makeWatcher(in directory: URL) throws -> (deadHosts: URL, program: URL) {
            let (deadHosts, program) = (directory.appending(path: "dead-hosts"), directory.appending(path: "watch-dead-hosts"))
            try Data().write(to: deadHosts)
            try Data("#!/bin/sh\nexec tail --lines=+1 --follow \(deadHosts.path)\n".utf8).write(to: program)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
            return (deadHosts, program)
        }
    }
}
