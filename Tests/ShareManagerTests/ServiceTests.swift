import Foundation
import GRPCCore
import NFSTestClient
import Testing

@Suite("What Longhorn calls", .serialized, .waitsForProcesses, .enabled(if: Machine.runsVolumes, Machine.message))
struct ServiceTests {
    @Test(
        "FilesystemResize lets clients use all of a device that grew, FilesystemTrim gives back what is free",
        arguments: Machine.growingTypes)
    func resizeAndTrim(_ type: String) async throws {
        let device = try LoopDevice(megabytes: 320)
        let share = try ShareUnderTest(device, ["--fs", type])
        let session = try await share.server.session()
        let root = try await session.lookup(path: ["volume"])
        #expect(try #require(try await session.attributes(root, [.spaceTotal]).uint64(.spaceTotal)) < 320 << 20)
        try device.grow(megabytes: 640)
        try await share.call("FilesystemResize")
        #expect(try #require(try await session.attributes(root, [.spaceTotal]).uint64(.spaceTotal)) > 500 << 20)
        try share.inside(
            "dd if=/dev/urandom of=\(share.mountPoint)/large bs=1M count=100 conv=fsync status=none && rm \(share.mountPoint)/large && sync"
        )
        let before = try #require(Int(try Machine.run("du -m \(device.image) | cut -f 1")))
        try await share.call("FilesystemTrim")
        let after = try #require(Int(try Machine.run("du -m \(device.image) | cut -f 1")))
        #expect(after <= before - 90)
        #expect(try await share.health() == .serving)
        #expect(share.stop() == 0, "\(share.log)")
    }

    @Test("Between Unmount and Mount clients are asked to wait, and go on with what they have open and locked", arguments: ["ext4", "xfs"])
    func unmountAndMount(_ type: String) async throws {
        let device = try LoopDevice(megabytes: 320)
        let share = try ShareUnderTest(device, ["--fs", type])
        let session = try await share.server.session()
        let root = try await session.lookup(path: ["volume"])
        let opened = try await session.open(root, "file")
        let lock = try await session.lock(opened)
        try await session.run(.putFH(opened.handle), .write(opened.stateID, offset: 0, Array("before".utf8), .unstable))

        try await share.call("Unmount")
        #expect(!share.isMounted)
        try Machine.run(
            "blockdev --flushbufs \(device.path) && e2fsck -fn \(device.path) 2>/dev/null || xfs_repair -n \(device.path) 2>/dev/null")
        #expect(try await session.compound(.putFH(opened.handle), .getAttr([.size])).outcome == Outcome(.putFH, .delay))
        #expect(try await session.compound(.putFH(root), .lookup("file")).outcome == Outcome(.putFH, .delay))
        #expect(try await session.compound(.putRootFH, .lookup("volume")).outcome == Outcome(.lookup, .delay))
        let second = try await share.server.session()
        #expect(try await second.compound(.putRootFH, .lookup("volume")).outcome == Outcome(.lookup, .delay))
        // Twice is as good as once, and what needs the file system says so.
        try await share.call("Unmount")
        await #expect(throws: RPCError.self) { try await share.call("FilesystemTrim") }

        try await share.call("Mount")
        #expect(share.isMounted)
        try await share.call("Mount")
        #expect(try await session.read(opened.handle, opened.stateID) == Array("before".utf8))
        try await session.run(.putFH(opened.handle), .write(opened.stateID, offset: 6, Array(" after".utf8), .fileSync))
        #expect(try await session.read(opened.handle, opened.stateID) == Array("before after".utf8))
        let contender = try await second.lookup(path: ["volume", "file"])
        #expect(contender == opened.handle)
        let asked = try await second.compound(.putFH(contender), .lockT(.write, owner: "contender"))
        #expect(asked.outcome == Outcome(.lockT, .denied))
        try await session.run(.putFH(opened.handle), .lockU(lock))
        try await session.close(opened)
        #expect(share.stop() == 0, "\(share.log)")
    }

    @Test("An idle share manager is small, whatever it was asked by probes and by Prometheus")
    func memory() async throws {
        let share = try ShareUnderTest(try LoopDevice(), ["--metrics-address", "127.0.0.1:0"])
        let address = try await share.metricsAddress()
        func ask() throws { try Machine.run("curl -sf \(address)/readyz && curl -sf \(address)/metrics") }
        for _ in 1...20 { try ask() }
        // What the first requests took and the next ones do not is given back when there are none for some seconds.
        var idle = 0
        try await eventually("less than 20 MiB", within: .seconds(60)) {
            idle = try share.residentKiB
            return idle < 20 << 10
        }
        try ask()
        let asked = try share.residentKiB
        print("share-manager: \(idle) KiB resident when idle, \(asked) KiB when just probed")
        #expect(asked < 25 << 10)
        #expect(share.stop() == 0, "\(share.log)")
    }
}
