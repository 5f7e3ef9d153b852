import Foundation
import Testing

extension RealClient {
    @Suite("the killed server", .serialized, .timeLimit(.minutes(5)), .cluster(.init(nodes: ["node-a", "node-b", "node-c"])))
    struct KilledServer {
        let cluster = Cluster.current

        /// What a client may miss once the server listens again.
        static let shortStall = Duration.seconds(3)
        /// For what waits on Linux's own pauses between attempts as well.
        static let longStall = Duration.seconds(60)

        func underLoad(_ interruption: (Load) async throws -> Void) async throws {
            try await Load.during(workers: Array(cluster.clients[0...1]), rival: cluster.clients[2]) { load in
                try await interruption(load)
                try await load.goesOn(within: Self.longStall)
            }
        }

        @Test("away for 2 s: nothing fails, nothing is lost, clients write and open again within 3 s")
        func killedAndStartedAgain() async throws {
            try await underLoad { load in
                try await cluster.killServer()
                try await Task.sleep(for: .seconds(2))
                try await cluster.startServer()
                try await load.goesOn(within: Self.shortStall)
            }
        }

        @Test("killed and started again while the recovery backend is down")
        func backendDown() async throws {
            try await underLoad { _ in
                try await cluster.killBackend()
                try await cluster.killServer()
                try await cluster.launchServer()
                try await Task.sleep(for: .seconds(2))
                try await cluster.startBackend()
                try await cluster.serverIsReady()
            }
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

    @Suite(
        "a client dies with the server", .serialized, .timeLimit(.minutes(5)),
        .cluster(.init(nodes: ["node-a", "node-b", "node-c", "node-d"], lease: 8, grace: 12)))
    struct KilledClient {
        let cluster = Cluster.current

        /// The two that stay, under load, while a victim loses power and the server is killed.
        func underLoad(victim: KernelClient, _ interruption: (Load) async throws -> Void) async throws {
            try await Load.during(workers: [cluster.clients[0]], rival: cluster.clients[1]) { load in
                let path = "/mnt/vol/\(victim.node)"
                let writer = try RepeatedJob(on: victim, "write-durably \(path).data --seed 1")
                let holder = try RepeatedJob(on: victim, "hold-locks \(path).locked flock:exclusive")
                try await goOn([writer, holder], within: .seconds(10))
                try await victim.cutPower()
                try await cluster.killServer()
                try await cluster.startServer()

                try await interruption(load)

                try await cluster.clients[1].run("$workload verify-durable \(path).data --seed 1 --records \(writer.steps.count)")
                #expect(try await cluster.clients[1].run("$workload try-lock \(path).locked flock:exclusive") == "granted\n")
            }
        }

        func isRecorded(_ client: KernelClient) async throws -> Bool {
            try await cluster.recordedClients().contains { $0.hasSuffix(" \(client.node)") }
        }

        @Test("grace lasts its full length and not longer, then the others go on")
        func fullGrace() async throws {
            let victim = cluster.clients[2]
            try await underLoad(victim: victim) { load in
                let length = Duration.seconds(cluster.plan.grace)
                let grace = try await eventually("grace ends", within: length * 2) { try await !isRecorded(victim) }
                print("grace lasted \(grace)")
                #expect(grace > length - .milliseconds(500))
                #expect(grace < length + .seconds(1))
                try await load.goesOn(within: .seconds(3))
            }
        }

        @Test("killed again during grace: the survivors keep everything, the dead client is waited for once more")
        func killedDuringGrace() async throws {
            let victim = cluster.clients[3]
            try await underLoad(victim: victim) { load in
                try await Task.sleep(for: .seconds(cluster.plan.grace / 2))
                #expect(try await isRecorded(victim))
                try await cluster.killServer()
                try await cluster.startServer()
                try await load.goesOn(within: .seconds(cluster.plan.grace) + KilledServer.longStall)
                #expect(try await !isRecorded(victim))
            }
        }
    }
}
