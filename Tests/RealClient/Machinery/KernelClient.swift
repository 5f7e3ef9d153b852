import Foundation
import Synchronization

/// A Linux kernel of its own (user-mode-linux) with its own host name: one node of a cluster.
final class KernelClient: Sendable {
    let node: String
    let address: String
    /// The laboratory's end of its network card.
    let card: String
    /// Seen under the same path by the client and by the tests; what a job writes here outlives the client.
    let directory: URL
    private let console: ChildProcess
    private let jobCount = Atomic(0)

    /// - Parameters:
    ///   - number: from 1, picks the tap device and the address.
    ///   - disks: files that are its disks, /dev/ubda and so on.
    init(node: String, number: Int, in laboratory: Laboratory, disks: [String] = []) async throws {
        self.node = node
        address = "10.9.0.\(number + 1)"
        card = "tap\(number)"
        directory = laboratory.directory.appending(path: node)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        // A pid namespace of its own: when its first process is killed, no thread of the kernel survives to hold the tap device.
        console = try laboratory.start(
            "console-\(node)",
            [
                "unshare", "--pid", "--fork", "--kill-child", "linux.uml", "mem=768M",
                "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
                "init=\(Laboratory.sources.appending(path: "Machinery/client-init").path)",
                "node=\(node)", "addr=\(address)/24", "jobs=\(directory.path)",
                // With an address of its own for a network card a machine that comes back is found at once.
                "vec0:transport=tap,ifname=\(card),depth=64,gro=1,mac=02:00:0a:09:00:0\(number)", "con=null", "con0=fd:0,fd:1",
                "quiet",
            ] + zip(["ubda", "ubdb"], disks).map { "\($0)=\($1)" },
            input: Pipe())
        let ready = directory.appending(path: "ready").path
        try await eventually("\(node) boots\n\(console.lastLines)", within: .seconds(60)) {
            FileManager.default.fileExists(atPath: ready)
        }
    }

    /// Starts a bash script as root on the client.
    func start(_ script: String) throws -> Job {
        let name = "job-\(jobCount.add(1, ordering: .relaxed).newValue)"
        let prelude = """
            workload=\(Laboratory.programs.appending(path: "client-workload").path)
            source \(Laboratory.sources.appending(path: "Jobs/prelude.sh").path)

            """
        try Data((prelude + script).utf8).write(to: directory.appending(path: "\(name).sh"))
        try console.send(name)
        return Job(name: name, client: self)
    }

    /// Runs a bash script as root on the client and returns what it printed; a status other than 0 is thrown.
    @discardableResult
    func run(_ script: String, within limit: Duration = .seconds(120)) async throws -> String {
        try await start(script).finished(within: limit)
    }

    /// The node loses power.
    func cutPower() async throws {
        try await console.kill()
    }

    var isRunning: Bool { console.isRunning }
    var consoleLines: String { console.lastLines }
}

/// A script that runs on a client.
struct Job: Sendable {
    let name: String
    let client: KernelClient

    var output: String { read("out") ?? "" }
    var hasEnded: Bool { read("status") != nil || !client.isRunning }

    /// What it printed; a status other than 0 is thrown, and so is the end of the client.
    @discardableResult
    func finished(within limit: Duration = .seconds(120)) async throws -> String {
        try await eventually("\(name) on \(client.node) ends; it printed:\n\(output)", within: limit) { hasEnded }
        guard let status = read("status") else { throw TestFailure("\(client.node) went down\n\(client.consoleLines)") }
        guard status == "0\n" else { throw TestFailure("\(name) on \(client.node) failed, status \(status)\(output)") }
        return output
    }

    private func read(_ suffix: String) -> String? {
        try? String(contentsOf: client.directory.appending(path: "\(name).\(suffix)"), encoding: .utf8)
    }
}
