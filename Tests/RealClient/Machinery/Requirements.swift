import Foundation

/// What a machine must have to run real clients.
enum Requirements {
    private static let programs = [
        "linux.uml": "user-mode-linux", "mount.nfs4": "nfs-common", "ip": "iproute2", "insmod": "kmod", "curl": "curl",
        "mkfs.ext4": "e2fsprogs", "mkfs.xfs": "xfsprogs", "mount": "mount", "unshare": "util-linux", "nsenter": "util-linux",
        "rpc.gssd": "nfs-common", "krb5kdc": "krb5-kdc", "kadmin.local": "krb5-admin-server", "kinit": "krb5-user",
        "dmsetup": "dmsetup",
    ]

    /// One line for each missing thing; empty where the tests can run.
    static let missing: [String] = {
        var lines: [String] = []
        if geteuid() != 0 { lines.append("root: run the tests as root, they make namespaces and mount volumes") }
        for device in ["/dev/net/tun", "/dev/loop-control"] where !FileManager.default.fileExists(atPath: device) {
            lines.append("\(device): this kernel or container does not offer it")
        }
        for (program, package) in programs.sorted(by: { $0.key < $1.key }) where !isInstalled(program) {
            lines.append("\(program): apt-get install \(package)")
        }
        return lines
    }()

    static var message: String { "real clients cannot run here; missing: " + missing.joined(separator: "; ") }

    /// Continuous integration must never pass because it could not test.
    static var mayBeSkipped: Bool { ProcessInfo.processInfo.environment["CI"] != "true" }

    private static func isInstalled(_ program: String) -> Bool {
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }
}
