import Foundation

/// A Linux kernel of its own that serves its disk, an ext4, as /vol: the machine of a server, whose power can be cut and whose disk
/// can be slow.
struct ServerMachine: Sendable {
    /// The kernel's number in its laboratory.
    private static let number = 1

    let kernel: KernelClient

    /// Boots a machine, and returns when the server on it says that it is ready.
    /// - Parameters:
    ///   - disk: a file with an ext4.
    ///   - delay: how much longer the disk takes for whatever it is asked.
    init(node: String, in laboratory: Laboratory, disk: String, delay: Duration = .zero) async throws {
        kernel = try await KernelClient(node: node, number: Self.number, in: laboratory, disk: disk)
        try await kernel.run(
            """
            device=/dev/ubda
            if [ \(delay.milliseconds) != 0 ]; then
                for module in dm-mod dm-delay; do insmod /usr/lib/uml/modules/*/kernel/drivers/md/$module.ko; done
                dmsetup create slow --noudevsync --table "0 $(blockdev --getsz $device) delay $device 0 \(delay.milliseconds)"
                device=/dev/dm-0
            fi
            mkdir /mnt/disk
            mount $device /mnt/disk
            chmod 0777 /mnt/disk
            """)
        let program = Laboratory.programs.appending(path: "nfs-server").path
        let server = try kernel.start("exec \(program) serve --export /mnt/disk:/vol --listen 0.0.0.0:2049 --hostname server")
        try await eventually("the server on \(node) is ready\n\(server.output)", within: .seconds(30)) {
            guard !server.hasEnded else { throw TestFailure("the server on \(node) ended\n\(server.output)") }
            return server.output.contains("ready")
        }
    }

    /// Makes a disk with an empty ext4.
    static func disk(in laboratory: Laboratory) async throws -> String {
        let path = laboratory.directory.appending(path: "disk.image").path
        try await laboratory.run("truncate", "--size", "1G", path)
        try await laboratory.run("mkfs.ext4", "-q", path)
        return path
    }

    /// Boots a client beside it that has the volume mounted at /mnt/vol.
    /// - Parameter number: from 2.
    func client(_ node: String, number: Int, options: String = Cluster.Plan.Mount.longhorn.rawValue, in laboratory: Laboratory) async throws
        -> KernelClient
    {
        let client = try await KernelClient(node: node, number: number, in: laboratory)
        try await client.run("mkdir /mnt/vol; mount -t nfs4 -o \(options) \(kernel.address):/vol /mnt/vol")
        return client
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
