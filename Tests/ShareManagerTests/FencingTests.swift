import Foundation
import NFSTestClient
import Testing

@Suite("A volume whose Lease cannot be renewed", .serialized, .waitsForProcesses, .enabled(if: Machine.runsVolumes, Machine.message))
struct FencingTests {
    /// Runs `body` with a share manager that has the Lease of its volume from `server`, in the name of the node of its pod.
    /// - Parameter preparation: a line of shell.
    private func run(
        _ device: LoopDevice, _ server: APIServer, preparation: String = ":",
        _ body: @escaping @Sendable (ShareUnderTest, TestSession) async throws -> Void
    ) async throws {
        let account = try ServiceAccount()
        // It has been served before, so that it is again though no recovery backend answers.
        #expect(try ShareUnderTest(device).stop() == 0)
        server.set { $0.spec["leaseDurationSeconds"] = 4 }
        try await server.run(as: account) { url in
            let place = "/run/secrets/kubernetes.io"
            let share = try ShareUnderTest(
                device,
                environment: ServiceAccount.environment(url).map { "\($0)=\($1)" }
                    + ["FAST_FAILOVER=true", "POD_NAME=share-manager-volume", "POD_NAMESPACE=longhorn-system"],
                preparation:
                    "mount -t tmpfs none /run && mkdir -p \(place) && ln -s \(account.directory) \(place)/serviceaccount && \(preparation)")
            try await body(share, try await share.server.session())
        }
    }

    private static func outcome(_ session: TestSession, _ handle: NFSTestClient.FileHandle) async throws -> Outcome? {
        try await session.compound(.putFH(handle), .getAttr([.size])).outcome
    }

    @Test("is served to nobody at once, whatever Longhorn has done to it meanwhile, and to everybody when the Lease is renewed again")
    func held() async throws {
        let device = try LoopDevice()
        let server = APIServer()
        let programs = "\(device.directory)/programs"
        // Trims until it is told to end.
        let trim = "#!/bin/sh\ntouch \(programs)/begun\nwhile [ -d \(programs) ] && [ ! -e \(programs)/end ]; do sleep 0.02; done\n"
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: false)
        try trim.write(toFile: "\(programs)/fstrim", atomically: true, encoding: .utf8)
        try Machine.run("chmod 755 \(programs)/fstrim")
        try await run(device, server, preparation: "PATH=\(programs):$PATH") { share, session in
            #expect(server.holder() == "node-1")
            let root = try await session.lookup(path: ["volume"])
            async let trimming: Void = share.call("FilesystemTrim")
            try await eventually("trims") { access("\(programs)/begun", F_OK) == 0 }
            server.set { $0.isSilent = true }
            try await eventually("answers with DELAY") { try await Self.outcome(session, root) == Outcome(.putFH, .delay) }
            #expect(try await session.compound(.putRootFH, .lookup("volume")).outcome == Outcome(.lookup, .delay))
            server.set {
                $0.isSilent = false
                $0.version -= 1
            }
            try await eventually("answers") { try await Self.outcome(session, root)?.status == .ok }
            #expect(share.log.contains("clients wait until it is renewed or lost"))
            // All that time.
            try "".write(toFile: "\(programs)/end", atomically: true, encoding: .utf8)
            try await trimming
            #expect(share.stop() == 0, "\(share.log)")
        }
    }

    @Test("is not served because it is mounted again, nor by a process whose Lease another took")
    func mounted() async throws {
        let device = try LoopDevice()
        let server = APIServer()
        try await run(device, server) { share, session in
            let root = try await session.lookup(path: ["volume"])
            try await share.call("Unmount")
            server.set { $0.isSilent = true }
            try await eventually("lines about the Lease") { share.log.contains("clients wait until it is renewed or lost") }
            try await share.call("Mount")
            #expect(try await Self.outcome(session, root) == Outcome(.putFH, .delay))
            server.set {
                $0.isSilent = false
                $0.spec["holderIdentity"] = "node-2"
            }
            #expect(share.exitCode == 1, "\(share.log)")
            #expect(share.log.contains("is with node-2 now"), "\(share.log)")
        }
    }
}
