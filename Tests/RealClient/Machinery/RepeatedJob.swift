import Foundation

/// A subcommand of client-workload that repeats a step until it is told to stop, and journals each step.
struct RepeatedJob: Sendable {
    let name: String
    let job: Job
    private let journal: URL
    private let stopFile: URL

    /// - Parameter command: a subcommand with its arguments.
    init(on client: KernelClient, _ command: String) throws {
        let id = "\(command.prefix { $0 != " " })-\(UUID().uuidString.prefix(8))"
        name = "\(id) on \(client.node)"
        journal = client.directory.appending(path: "\(id).journal")
        stopFile = client.directory.appending(path: "\(id).stop")
        job = try client.start("$workload \(command) --journal \(journal.path) --until \(stopFile.path)")
    }

    /// Grows with each step.
    var journalSize: Int {
        (try? FileManager.default.attributesOfItem(atPath: journal.path)[.size] as? Int) ?? 0
    }

    /// How long each completed step took. A step's line is there once its call has returned, even if the client then loses power.
    var steps: [Duration] {
        let text = (try? String(contentsOf: journal, encoding: .utf8)) ?? ""
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().compactMap { line in
            line.split(separator: " ").last.flatMap { Int($0) }.map { .microseconds($0) }
        }
    }

    func askToStop() throws {
        try Data().write(to: stopFile)
    }

    /// Returns when it has stopped as it was asked to; throws when any of its calls has failed.
    func stop() async throws {
        try askToStop()
        try await job.finished()
    }
}

/// Waits until each job has completed a step that was not complete at the call, and returns how long each took to do so.
@discardableResult
func goOn(_ jobs: [RepeatedJob], within limit: Duration) async throws -> [(job: RepeatedJob, after: Duration)] {
    let start = ContinuousClock.now
    var waiting = jobs.map { ($0, size: $0.journalSize) }
    var done: [(RepeatedJob, Duration)] = []
    try await eventually("\(waiting.map(\.0.name)) go on", within: limit) {
        if let ended = waiting.first(where: { $0.0.job.hasEnded })?.0 {
            throw TestFailure("\(ended.name) has ended:\n\(ended.job.output)")
        }
        done += waiting.filter { $0.0.journalSize > $0.size }.map { ($0.0, start.duration(to: .now)) }
        waiting.removeAll { waited in done.contains { $0.0.name == waited.0.name } }
        return waiting.isEmpty
    }
    return done
}
