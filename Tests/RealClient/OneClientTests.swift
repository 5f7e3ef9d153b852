import Foundation
import Testing

/// A script in Jobs/OneClient: one thing that a user of a volume does, and what must come of it.
struct FileJob: Sendable, CustomTestStringConvertible {
    let script: URL

    static let all: [FileJob] = {
        let directory = Laboratory.sources.appending(path: "Jobs/OneClient")
        let scripts = try! FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        return scripts.sorted { $0.path < $1.path }.map(FileJob.init)
    }()

    var testDescription: String { script.deletingPathExtension().lastPathComponent.replacing("-", with: " ") }

    /// Runs it on the client in an empty directory of the volume.
    func run(on client: KernelClient) async throws {
        try await client.run(
            """
            directory=$(mktemp -d /mnt/vol/job-XXXXXX)
            cd $directory
            source '\(script.path)'
            cd /
            rm -r $directory
            """)
    }
}

extension RealClient {
    @Suite("one client, mounted as Longhorn mounts, ext4", .serialized, .cluster(.init(nodes: ["node-a"])))
    struct OneClient {
        let client = Cluster.current.clients[0]

        @Test("files behave", .timeLimit(.minutes(3)), arguments: FileJob.all)
        func filesBehave(job: FileJob) async throws {
            try await job.run(on: client)
        }

        @Test("a directory of 20000 entries that was on the volume before is listed whole", .timeLimit(.minutes(2)))
        func largeDirectory() async throws {
            try await Cluster.current.listsDirectory(of: 20_000)
        }

        @Test("half a minute of random operations agrees with a model", .timeLimit(.minutes(3)))
        func randomOperations() async throws {
            print(try await client.run("$workload random-operations /mnt/vol/random --seed 20261121 --seconds 30"))
        }
    }

    @Suite("one client, plain mount -t nfs4, ext4", .serialized, .cluster(.init(nodes: ["node-a"], mount: .plain)))
    struct OneClientPlainMount {
        let client = Cluster.current.clients[0]

        @Test("the client, which asks for minor version 2 first, steps down to 1", .timeLimit(.minutes(1)))
        func minorVersion() async throws {
            try await client.run("grep ' /mnt/vol nfs4 ' /proc/mounts | grep -w vers=4.1")
        }

        @Test("files behave", .timeLimit(.minutes(3)), arguments: FileJob.all)
        func filesBehave(job: FileJob) async throws {
            try await job.run(on: client)
        }
    }

    @Suite("one client, mounted as Longhorn mounts, xfs", .serialized, .cluster(.init(nodes: ["node-a"], fileSystem: .xfs)))
    struct OneClientOnXFS {
        let client = Cluster.current.clients[0]

        @Test("files behave", .timeLimit(.minutes(3)), arguments: FileJob.all)
        func filesBehave(job: FileJob) async throws {
            try await job.run(on: client)
        }

        @Test("a directory of 20000 entries that was on the volume before is listed whole", .timeLimit(.minutes(2)))
        func largeDirectory() async throws {
            try await Cluster.current.listsDirectory(of: 20_000)
        }
    }
}
