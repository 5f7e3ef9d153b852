import Foundation
import Testing

extension RealClient {
    @Suite("two clients", .serialized, .timeLimit(.minutes(2)), .cluster(.init(nodes: ["node-a", "node-b"])))
    struct TwoClients {
        let a = Cluster.current.clients[0]
        let b = Cluster.current.clients[1]

        @Test("the recovery backend lists both clients")
        func recorded() async throws {
            // A client is recorded when it takes state that it could reclaim.
            for client in [a, b] { try await client.run("echo x >/mnt/vol/recorded-\(client.node)") }
            let cluster = Cluster.current
            let owners = ["Linux NFSv4.1 node-a", "Linux NFSv4.1 node-b"]
            #expect(try await cluster.recordedClients() == owners.map { "\($0.utf8.count):\($0)" })
        }

        @Test("each sees what the other wrote before it closed the file", arguments: [false, true])
        func closeToOpen(backwards: Bool) async throws {
            let (writer, reader) = backwards ? (b, a) : (a, b)
            let path = "/mnt/vol/close-to-open-\(writer.node)"
            try await writer.run("echo 0 >\(path)")
            for round in 1...5 {
                // Same length each time: only change information tells the reader that its cached page is old.
                let text = String(1_000 + round)
                try await writer.run("echo \(text) >\(path)")
                #expect(try await reader.run("cat \(path)") == "\(text)\n")
            }
            // A listing opens the directory and so asks for its change information; a look-up may use what the client remembers.
            try await writer.run("mv \(path) \(path).moved; mkdir \(path).new")
            #expect(try await reader.run("ls /mnt/vol | grep -F \(path.split(separator: "/").last!)").split(separator: "\n").count == 2)
        }

        @Test("only one of two clients creates a file exclusively")
        func exclusiveCreate() async throws {
            let script = """
                won=0
                for i in {1..200}; do ( set -C; : >/mnt/vol/exclusive-$i ) 2>/dev/null && won=$((won + 1)); done
                echo $won
                """
            let jobs = try [a, b].map { try $0.start(script) }
            var won = 0
            for job in jobs { won += Int(try await job.finished().dropLast()) ?? 0 }
            #expect(won == 200)
        }

        @Test(
            "a lock of one client is respected on the other",
            arguments: [
                LockCase("flock:exclusive", "flock:exclusive", .refused), LockCase("flock:exclusive", "flock:shared", .refused),
                LockCase("flock:shared", "flock:exclusive", .refused), LockCase("flock:shared", "flock:shared", .granted),
                LockCase("posix:exclusive:0:0", "posix:shared:99999:1", .refused),
                LockCase("posix:exclusive:100:50", "posix:exclusive:149:1", .refused),
                LockCase("posix:exclusive:100:50", "posix:exclusive:0:101", .refused),
                LockCase("posix:exclusive:100:50", "posix:exclusive:150:0", .granted),
                LockCase("posix:exclusive:100:50", "posix:exclusive:0:100", .granted),
                LockCase("posix:shared:100:50", "posix:shared:120:5", .granted),
                LockCase("posix:shared:100:50", "posix:exclusive:120:5", .refused),
            ])
        func locks(lock: LockCase) async throws {
            let path = "/mnt/vol/lock-\(UUID().uuidString)"
            let holder = try RepeatedJob(on: a, "hold-locks \(path) \(lock.held)")
            try await goOn([holder], within: .seconds(10))
            #expect(try await b.run("$workload try-lock \(path) \(lock.asked)") == "\(lock.outcome.rawValue)\n")
            try await holder.stop()
            #expect(try await b.run("$workload try-lock \(path) \(lock.asked)") == "granted\n")
        }

        @Test("a client that waits for a lock gets it when the other lets go", arguments: ["flock:exclusive", "posix:exclusive:7:9"])
        func waiting(lock: String) async throws {
            let path = "/mnt/vol/wait-\(UUID().uuidString)"
            let first = try RepeatedJob(on: a, "hold-locks \(path) \(lock)")
            try await goOn([first], within: .seconds(10))
            let second = try RepeatedJob(on: b, "hold-locks \(path) \(lock) --wait")
            try await goOn([first], within: .seconds(10))
            #expect(second.steps.isEmpty)
            try await first.stop()
            // Linux asks again after a pause that grows, when the server does not tell it that the lock is free.
            try await goOn([second], within: .seconds(40))
            #expect(try await a.run("$workload try-lock \(path) \(lock)") == "refused\n")
            try await second.stop()
        }
    }

    struct LockCase: Sendable, CustomTestStringConvertible {
        enum Outcome: String {
            case granted, refused
        }

        let held: String
        let asked: String
        let outcome: Outcome

        init(_ held: String, _ asked: String, _ outcome: Outcome) {
            (self.held, self.asked, self.outcome) = (held, asked, outcome)
        }

        var testDescription: String { "\(held) held, \(asked) \(outcome)" }
    }
}
