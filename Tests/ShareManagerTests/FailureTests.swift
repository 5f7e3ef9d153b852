import Foundation
import NFSTestClient
import Testing

@Suite("A volume that fails while it is served", .serialized, .waitsForProcesses, .enabled(if: Machine.runsVolumes, Machine.message))
struct FailureTests {
    /// Repeats a compound until it is answered with something else than DELAY.
    private func insist(_ session: TestSession, _ operations: NFSTestClient.Operation...) async throws -> CompoundReply {
        var reply: CompoundReply?
        try await eventually("answers but NFS4ERR_DELAY") {
            reply = try await session.compound(operations)
            return reply?.outcome?.status != .delay
        }
        return try #require(reply)
    }

    /// Has done to its file system what the kernel does itself when the journal cannot be written.
    private func loseJournal(of share: ShareUnderTest, _ type: String) throws {
        try share.inside(type == "xfs" ? "xfs_io -x -c shutdown \(share.mountPoint)" : "mount -o remount,abort \(share.mountPoint) || true")
    }

    @Test(
        "A file system gone read-only is mounted anew at the first write that fails, which the client is asked to repeat",
        arguments: ["ext4", "xfs"])
    func readOnly(_ type: String) async throws {
        let device = try LoopDevice(megabytes: 320)
        let share = try ShareUnderTest(device, ["--fs", type])
        let session = try await share.server.session()
        let root = try await session.lookup(path: ["volume"])
        let opened = try await session.open(root, "file")
        try await session.run(.putFH(opened.handle), .write(opened.stateID, [1], .fileSync))
        try loseJournal(of: share, type)
        let write = try await insist(session, .putFH(opened.handle), .write(opened.stateID, offset: 1, [2], .fileSync))
        #expect(write.outcome?.status == .ok, "\(share.log)")
        #expect(try await session.read(opened.handle, opened.stateID) == [1, 2])
        #expect(share.log.contains("mounted anew"))
        #expect(share.stop() == 0, "\(share.log)")
    }

    @Test("When the device is gone clients get no errors, and the process ends with a clear message")
    func gone() async throws {
        let device = try LoopDevice()
        let share = try ShareUnderTest(device)
        let session = try await share.server.session()
        let root = try await session.lookup(path: ["volume"])
        let opened = try await session.open(root, "file")
        try device.grow(megabytes: 0)
        let write = try await session.compound(.putFH(opened.handle), .write(opened.stateID, [1], .fileSync))
        #expect(write.outcome?.status == .delay, "\(share.log)")
        #expect(share.exitCode == 1, "\(share.log)")
        #expect(share.log.contains("cannot be served here any more"), "\(share.log)")
    }

    @Test("A device that goes while no client asks for anything is noticed all the same")
    func goneWhileIdle() async throws {
        let device = try LoopDevice()
        let share = try ShareUnderTest(device)
        let session = try await share.server.session()
        _ = try await session.lookup(path: ["volume"])
        try device.grow(megabytes: 0)
        #expect(share.exitCode == 1, "\(share.log)")
        #expect(share.log.contains("cannot be served here any more"), "\(share.log)")
    }

    @Test("A file system gone read-only while no client asks for anything is mounted anew all the same", arguments: ["ext4", "xfs"])
    func readOnlyWhileIdle(_ type: String) async throws {
        let share = try ShareUnderTest(try LoopDevice(megabytes: 320), ["--fs", type])
        try loseJournal(of: share, type)
        try await eventually("mounts it anew") { share.log.contains("the volume is served again") }
        try share.inside("touch \(share.mountPoint)/file")
        #expect(share.stop() == 0, "\(share.log)")
    }

    @Test("When another device with the same data comes to the place of the first, clients go on with that")
    func replaced() async throws {
        let device = try LoopDevice()
        let share = try ShareUnderTest(device)
        let session = try await share.server.session()
        let opened = try await session.open(session.lookup(path: ["volume"]), "file")
        try await session.run(.putFH(opened.handle), .write(opened.stateID, [1], .fileSync))
        let other = try device.attachAnother()
        defer { _ = try? Machine.run("losetup --detach \(other)") }
        try await eventually("mounts of the other device") {
            (try? share.inside("findmnt -n -o SOURCE \(share.mountPoint)")) == other
        }
        #expect(try await insist(session, .putFH(opened.handle), .read(opened.stateID, count: 1)).outcome?.status == .ok, "\(share.log)")
        #expect(try await session.read(opened.handle, opened.stateID) == [1])
        #expect(share.stop() == 0, "\(share.log)")
    }

    @Test("/readyz is green when the root is read over NFS, and not while the volume is unmounted")
    func readiness() async throws {
        let share = try ShareUnderTest(try LoopDevice(), ["--metrics-address", "127.0.0.1:0"])
        let ask = "curl -s -o /dev/null -w %{http_code} \(try await share.metricsAddress())/readyz"
        #expect(try Machine.run(ask) == "200")
        try await share.call("Unmount")
        #expect(try Machine.run(ask) == "503")
        try await share.call("Mount")
        #expect(try Machine.run(ask) == "200")
        #expect(share.stop() == 0)
    }
}
