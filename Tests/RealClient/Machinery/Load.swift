import Foundation
import Testing

/// Clients that write with fsync, open files and hold locks, while another client tries to get these locks.
struct Load: Sendable {
    private let rival: KernelClient
    private let directory: String
    private let writers: [RepeatedJob]
    private let openers: [RepeatedJob]
    private let holders: [RepeatedJob]
    private let lockRefused: RepeatedJob

    private static let seed = 20_261_121

    /// Returns when every job has done its first step: all locks are held, all writers write.
    private init(workers: [KernelClient], rival: KernelClient) async throws {
        self.rival = rival
        let directory = "/mnt/vol/load-\(UUID().uuidString)"
        self.directory = directory
        func path(_ worker: KernelClient, _ suffix: String) -> String { "\(directory)/\(worker.node).\(suffix)" }
        try await rival.run("mkdir \(directory)")
        for worker in workers { try await worker.run("mkdir \(path(worker, "opened"))") }

        writers = try workers.map { try RepeatedJob(on: $0, "write-durably \(path($0, "data")) --seed \(Self.seed)") }
        openers = try workers.map { try RepeatedJob(on: $0, "open-files \(path($0, "opened"))") }
        holders = try workers.flatMap {
            [
                try RepeatedJob(on: $0, "hold-locks \(path($0, "flock")) flock:exclusive"),
                try RepeatedJob(on: $0, "hold-locks \(path($0, "posix")) posix:exclusive:100:50 posix:exclusive:500:0"),
            ]
        }
        try await goOn(writers + openers + holders, within: .seconds(30))
        let wanted = workers.flatMap {
            ["\(path($0, "flock"))=flock:shared", "\(path($0, "posix"))=posix:shared:149:1", "\(path($0, "posix"))=posix:exclusive:999:1"]
        }
        lockRefused = try RepeatedJob(on: rival, "lock-refused \(wanted.joined(separator: " "))")
        try await goOn([lockRefused], within: .seconds(30))
    }

    /// Runs `interruption` under load. No call of any client may fail, and what was acknowledged must be there afterwards.
    /// - Returns: the longest stall of each client that lives, by node: of the steps it was in when `interruption` began, and of
    ///   all later ones.
    @discardableResult
    static func during(
        workers: [KernelClient], rival: KernelClient, _ interruption: (Load) async throws -> Void
    ) async throws -> [String: Duration] {
        let load = try await Load(workers: workers, rival: rival)
        let stepsBefore = load.jobs.map(\.steps.count)
        do {
            try await interruption(load)
            try await load.stopAndVerify()
            return load.stalls(after: stepsBefore)
        } catch {
            // So that it does not disturb the next test; what hangs now may hang for long, so nobody waits for it.
            for job in load.alive { try? job.askToStop() }
            throw TestFailure("\(error)\n\(await Cluster.serverLines)")
        }
    }

    /// Writers write, openers open, holders hold and the rival is refused: each of a live client does one more step within `limit`.
    func goesOn(within limit: Duration) async throws {
        for (job, after) in try await goOn(alive, within: limit) {
            print("\(job.name) goes on after \(after)")
        }
    }

    /// Ends the load. No call may have failed, and every record whose fsync returned must be on the volume as it was written,
    /// those of a worker that lost power too, as seen by a client that did not write them.
    private func stopAndVerify() async throws {
        for job in alive { try await job.stop() }
        for writer in writers {
            let acknowledged = writer.steps.count
            #expect(acknowledged > 0)
            try await rival.run(
                """
                drop_caches
                $workload verify-durable \(directory)/\(writer.job.client.node).data --seed \(Self.seed) --records \(acknowledged)
                """)
        }
    }

    private func stalls(after counts: [Int]) -> [String: Duration] {
        var stalls: [String: Duration] = [:]
        for (job, count) in zip(jobs, counts) where job.job.client.isRunning {
            let longest = job.steps.dropFirst(count).max() ?? .zero
            print("\(job.name): \(job.steps.count) steps, the longest stall was \(longest)")
            stalls[job.job.client.node] = max(longest, stalls[job.job.client.node] ?? .zero)
        }
        return stalls
    }

    /// The rival comes first, since it would be right to get the locks when the holders have stopped.
    private var jobs: [RepeatedJob] { [lockRefused] + writers + openers + holders }
    private var alive: [RepeatedJob] { jobs.filter(\.job.client.isRunning) }
}
