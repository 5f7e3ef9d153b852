import Foundation
import NFSTestClient
import Testing

@Suite(
    "What is done with a volume's device before it is served", .serialized, .waitsForProcesses,
    .enabled(if: Machine.runsVolumes, Machine.message))
struct DeviceTests {
    @Test("A blank device is formatted as asked, its root is everybody's, and it is unmounted in the end", arguments: ["ext4", "xfs"])
    func blank(_ type: String) async throws {
        let device = try LoopDevice(megabytes: 320)
        let share = try ShareUnderTest(device, ["--fs", type])
        let session = try await share.server.session()
        let root = try await session.lookup(path: ["volume"])
        #expect(try await session.attributes(root, [.mode]).uint32(.mode) == 0o777)
        _ = try await session.makeFile(root, "file", Array("content".utf8))
        #expect(try String(contentsOfFile: "\(device.directory)/pid", encoding: .utf8).isEmpty == false)
        #expect(share.stop() == 0, "\(share.log)")
        #expect(access("\(device.directory)/pid", F_OK) != 0)
        #expect(try device.type == type)

        // It has data now: served as it is, whatever was asked, and the mode of its root is the users'.
        let again = try ShareUnderTest(device, ["--fs", type == "xfs" ? "ext4" : "xfs"])
        let other = try await again.server.session()
        #expect(try await other.read(other.lookup(path: ["volume", "file"])) == Array("content".utf8))
        try again.inside("chmod 750 \(again.mountPoint)")
        #expect(again.stop() == 0, "\(again.log)")
        let third = try ShareUnderTest(device)
        #expect(try third.inside("stat -c %a \(third.mountPoint)") == "750")
        #expect(third.stop() == 0, "\(third.log)")
        #expect(try device.type == type)
    }

    @Test("--root-mode sets the root's mode at each start, and FS_FORMAT_OPTIONS reach mkfs")
    func options() throws {
        let device = try LoopDevice()
        let share = try ShareUnderTest(device, ["--root-mode", "0700"], environment: ["FS_FORMAT_OPTIONS=-L:label:-m:7"])
        #expect(try share.inside("stat -c %a \(share.mountPoint)") == "700")
        #expect(try Machine.run("blkid -p -s LABEL -o value \(device.path)") == "label")
        #expect(share.stop() == 0, "\(share.log)")
    }

    @Test("--mount passes options on, and arguments that are not known are a warning")
    func arguments() throws {
        let device = try LoopDevice()
        let share = try ShareUnderTest(device, ["--mount", "noatime,discard", "--of-a-newer-longhorn", "7"])
        let mounts = try share.inside("grep \(share.mountPoint) /proc/self/mounts")
        #expect(mounts.contains("noatime") && mounts.contains("discard"))
        #expect(share.log.contains("--of-a-newer-longhorn 7"))
        #expect(share.stop() == 0, "\(share.log)")
    }

    @Test("It waits for a device that is not there yet")
    func waits() throws {
        let device = try LoopDevice(isAttached: false)
        let share = try ShareUnderTest(device) {
            Thread.sleep(forTimeInterval: 0.3)
            try device.attach()
        }
        #expect(share.isMounted, "\(share.log)")
        #expect(share.stop() == 0, "\(share.log)")
    }

    @Test("The file system is given all of a device that grew while nobody served it", arguments: Machine.growingTypes)
    func grown(_ type: String) throws {
        let device = try LoopDevice(megabytes: 320)
        #expect(try ShareUnderTest(device, ["--fs", type]).stop() == 0)
        try device.grow(megabytes: 640)
        let share = try ShareUnderTest(device)
        #expect(
            try #require(Int(try share.inside("df --output=size -m \(share.mountPoint) | tail -1").trimmingCharacters(in: .whitespaces)))
                > 500)
        #expect(share.stop() == 0, "\(share.log)")
    }

    /// A device that must not be touched, and what the refusal says.
    private func isLeftAlone(_ device: LoopDevice, _ word: String, environment: [String] = []) throws {
        let before = try device.checksum
        let share = try ShareUnderTest(device, environment: environment)
        #expect(share.exitCode == 1)
        #expect(share.log.contains(word), "\(share.log)")
        #expect(try device.checksum == before)
    }

    @Test("A device with data but no signature is not formatted", arguments: [0, 20 << 20, 63 << 20])
    func data(at offset: Int) throws {
        let device = try LoopDevice()
        try Machine.run("printf x | dd of=\(device.path) bs=1 seek=\(offset) conv=notrunc,fsync status=none")
        try isLeftAlone(device, "not formatted")
    }

    @Test("A file system whose superblock is gone is not formatted")
    func superblockGone() throws {
        let device = try LoopDevice()
        try Machine.run("mkfs.ext4 -q \(device.path) && dd if=/dev/zero of=\(device.path) bs=4096 count=1 conv=notrunc,fsync status=none")
        try isLeftAlone(device, "not formatted")
    }

    @Test("What is no file system is not formatted: swap, a partition table, LUKS without a passphrase")
    func other() throws {
        let swap = try LoopDevice()
        try Machine.run("mkswap \(swap.path)")
        try isLeftAlone(swap, "swap")
        let table = try LoopDevice()
        try Machine.run(
            "printf '\\203\\0\\0\\0\\0\\010\\0\\0\\0\\020\\0\\0' | dd of=\(table.path) bs=1 seek=450 conv=notrunc status=none; printf '\\125\\252' | dd of=\(table.path) bs=1 seek=510 conv=notrunc,fsync status=none"
        )
        try isLeftAlone(table, "left as it is")
        let encrypted = try LoopDevice()
        try Machine.run("printf secret | cryptsetup luksFormat --batch-mode --pbkdf pbkdf2 --key-file - \(encrypted.path)")
        try isLeftAlone(encrypted, "PASSPHRASE")
    }

    @Test("A device that cannot be read is not formatted")
    func readError() throws {
        let device = try LoopDevice()
        // What lies behind the end of the file is an error to read.
        try Machine.run("truncate -s 32M \(device.image)")
        let share = try ShareUnderTest(device)
        #expect(share.exitCode == 1)
        #expect(share.log.contains("cannot be read"), "\(share.log)")
        #expect(try device.type == "")
        #expect(try Machine.run("tr -d '\\0' < \(device.image) | wc -c") == "0")
    }

    @Test("Errors that repair without loss are repaired, others are left to the user")
    func corrupted() throws {
        let marked = try LoopDevice()
        try Machine.run("mkfs.ext4 -q \(marked.path) && debugfs -w -R 'ssv state 2' \(marked.path) 2>/dev/null")
        let share = try ShareUnderTest(marked)
        #expect(share.isMounted, "\(share.log)")
        #expect(share.stop() == 0, "\(share.log)")
        #expect(try Machine.run("dumpe2fs -h \(marked.path) 2>/dev/null | grep 'Filesystem state'").hasSuffix("clean"))

        let broken = try LoopDevice()
        try Machine.run(
            "mkfs.ext4 -q \(broken.path) && debugfs -w -R 'clri <2>' \(broken.path) 2>/dev/null && debugfs -w -R 'ssv state 2' \(broken.path) 2>/dev/null"
        )
        let refused = try ShareUnderTest(broken)
        #expect(refused.exitCode == 1)
        #expect(refused.log.contains("e2fsck -f"), "\(refused.log)")
    }

    @Test("A blank device that is to be encrypted gets LUKS, and the passphrase is told to nobody")
    func encrypted() throws {
        let device = try LoopDevice()
        let share = try ShareUnderTest(
            device, environment: ["ENCRYPTED=true", "PASSPHRASE=let me in", "CRYPTOPBKDF=pbkdf2", "CRYPTOKEYSIZE=512"])
        _ = share.exitCode
        #expect(try device.type == "crypto_LUKS")
        #expect(!share.log.contains("let me in"))
        try Machine.run("printf 'let me in' | cryptsetup open --test-passphrase --key-file - \(device.path)")
        #expect(try Machine.run("cryptsetup luksDump \(device.path)").contains("512 bits"))
    }
}
