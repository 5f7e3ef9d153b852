import Foundation

/// A Linux kernel of its own that serves its disk, an ext4, as /vol: the machine of a server, whose power can be cut and whose disk
/// can be slow.
struct ServerMachine: Sendable {
    /// The kernel's number in its laboratory.
    private static let number = 1

    let kernel: KernelClient

    /// Boots a machine, and returns when the server on it says that it is ready.
    /// - Parameters:
    ///   - delay: how much longer the disk takes for whatever it is asked.
    init(node: String, in laboratory: Laboratory, disk: Disk, delay: Duration = .zero) async throws {
        kernel = try await KernelClient(node: node, number: Self.number, in: laboratory, disks: [disk.path, disk.log].compactMap(\.self))
        try await kernel.run(
            """
            device=/dev/ubda
            if [ \(delay.milliseconds) != 0 ]; then
                for module in dm-mod dm-delay; do insmod /usr/lib/uml/modules/*/kernel/drivers/md/$module.ko; done
                dmsetup create slow --noudevsync --table "0 $(blockdev --getsz $device) delay $device 0 \(delay.milliseconds)"
                device=/dev/dm-0
            fi
            if [ -e /dev/ubdb ]; then
                for module in dm-mod dm-log-writes; do insmod /usr/lib/uml/modules/*/kernel/drivers/md/$module.ko; done
                dmsetup create logged --noudevsync --table "0 $(blockdev --getsz $device) log-writes $device /dev/ubdb"
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

    /// The machine loses power, and with it, where the disk is logged, what its disk was never told to keep.
    /// - Parameter clients: nothing is answered to them any more for some time before, so that the log has all they know of.
    func losePower(_ disk: Disk, unheardBy clients: [KernelClient], in laboratory: Laboratory) async throws {
        guard disk.log != nil else { return try await kernel.cutPower() }
        for client in clients { try await laboratory.run("ip", "link", "set", client.card, "nomaster") }
        try await Task.sleep(for: .milliseconds(300))
        try await kernel.cutPower()
        let (writes, flushes) = try await disk.loseUnflushed()
        print("the disk keeps \(writes) writes, those before the last of \(flushes) flushes")
        for client in clients { try await laboratory.run("ip", "link", "set", client.card, "master", "bridge") }
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
