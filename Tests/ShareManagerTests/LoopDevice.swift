import ChildProcesses
import Foundation
import Testing

/// What the tests of this module need of the machine.
enum Machine {
    private static let programs = [
        "mkfs.ext4": "e2fsprogs", "mkfs.xfs": "xfsprogs", "cryptsetup": "cryptsetup-bin", "losetup": "mount", "unshare": "util-linux",
        "debugfs": "e2fsprogs",
    ]

    /// One word for each missing thing; empty where the tests can run.
    static let missing: [String] =
        (geteuid() == 0 ? [] : ["root"]) + (access("/dev/loop-control", F_OK) == 0 ? [] : ["/dev/loop-control"])
        + programs.filter { program, _ in !["/usr/sbin", "/usr/bin"].contains { access("\($0)/\(program)", X_OK) == 0 } }.map(\.value)
        .sorted()

    /// Where they are missing the tests are skipped, but not in continuous integration.
    static var runsVolumes: Bool { missing.isEmpty || ProcessInfo.processInfo.environment["CI"] == "true" }
    static var message: Comment { "volumes cannot be made here; missing: \(missing.joined(separator: ", "))" }

    /// The file systems that can be grown here: for ext4 the kernel wants CAP_SYS_RESOURCE (bit 24), which some containers lack.
    /// `RealClient.ShareManagers` grows one in a kernel of its own, wherever it runs.
    static var growingTypes: [String] {
        let line = (try? run("grep CapEff /proc/self/status")) ?? ""
        let capabilities = UInt64(line.split(separator: "\t").last ?? "", radix: 16) ?? 0
        let mayGrow = capabilities & 1 << 24 != 0
        if !mayGrow { print("ext4 is grown by RealClient.ShareManagers only: these tests lack CAP_SYS_RESOURCE") }
        return mayGrow ? ["ext4", "xfs"] : ["xfs"]
    }

    /// Runs a line of shell.
    /// - Returns: its standard output.
    @discardableResult
    static func run(_ line: String) throws -> String {
        let program = try FinishedProgram("/bin/sh", ["-c", line], environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        guard program.status == 0 else { throw CommandFailure(line: line, errors: program.errors) }
        return program.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

struct CommandFailure: Error {
    let line: String
    let errors: String
}

/// A block device over a file in a directory of its own, which is there as `devices/volume`, as Longhorn's are in /dev/longhorn.
final class LoopDevice: Sendable {
    let directory: String
    let path: String
    var image: String { "\(directory)/image" }
    var devices: String { "\(directory)/devices" }

    /// - Parameter isAttached: whether the device is there from the beginning.
    init(megabytes: Int = 64, isAttached: Bool = true) throws {
        directory = "/tmp/share-manager-tests-\(UUID().uuidString)"
        try Machine.run("mkdir -p \(directory)/devices && truncate -s \(megabytes)M \(directory)/image")
        path = try Machine.run("losetup --find --show \(directory)/image")
        if isAttached { try attach() }
    }

    func attach() throws { try Machine.run("ln -s \(path) \(devices)/volume") }

    /// Puts another device over the same file in its place.
    /// - Returns: that, which is to be detached.
    func attachAnother() throws -> String {
        let other = try Machine.run("losetup --find --show \(image)")
        try Machine.run("ln -sfn \(other) \(devices)/volume")
        return other
    }

    /// Makes it larger, or, with nothing left of it, one whose disk was pulled.
    func grow(megabytes: Int) throws { try Machine.run("truncate -s \(megabytes)M \(image) && losetup --set-capacity \(path)") }

    /// What libblkid says of it, such as `ext4`; empty for nothing.
    var type: String { get throws { try Machine.run("blkid -p -s TYPE -o value \(path) || true") } }

    /// A number that changes with any of its bytes.
    var checksum: String { get throws { try Machine.run("sync \(path); sha256sum < \(image)") } }

    deinit { _ = try? Machine.run("losetup --detach \(path); rm -rf \(directory)") }
}
