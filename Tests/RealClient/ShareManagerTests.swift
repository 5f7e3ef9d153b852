import Foundation
import Testing

extension RealClient {
    @Suite("a volume of Longhorn, served by a share manager on a kernel of its own", .serialized, .timeLimit(.minutes(3)))
    struct ShareManagers {
        /// Boots a kernel that has the first `size` MiB of `disk` as the device of the volume `vol`, and returns when a share manager on it is
        /// ready.
        private func share(_ node: String, disk: String, size: Int, environment: String = "", in laboratory: Laboratory) async throws
            -> KernelClient
        {
            let kernel = try await KernelClient(node: node, number: 1, in: laboratory, disks: [disk])
            try await kernel.run(
                """
                for module in crypto/{ecb,cbc,xts,af_alg,algif_skcipher} drivers/md/dm-mod security/keys/encrypted-keys/encrypted-keys drivers/md/dm-crypt; do
                    insmod /usr/lib/uml/modules/*/kernel/$module.ko
                done
                dmsetup create longhorn --noudevsync --table "0 \(size << 11) linear /dev/ubda 0"
                mkdir /run/longhorn
                ln -s /dev/dm-0 /run/longhorn/vol
                """)
            let program = Laboratory.programs.appending(path: "share-manager").path
            let server = try kernel.start(
                """
                export FAST_FAILOVER=false \(environment)
                exec \(program) --debug daemon --volume vol --data-engine v1 --device-directory /run/longhorn \
                    --mount-directory /mnt/export --pid-file /run/share.pid
                """)
            try await eventually("the share manager on \(node) is ready\n\(server.output)", within: .seconds(60)) {
                guard !server.hasEnded else { throw TestFailure("the share manager on \(node) ended\n\(server.output)") }
                return server.output.contains("ready")
            }
            return kernel
        }

        /// Calls a method of Longhorn's that takes and returns nothing, over the network.
        private func call(_ method: String, of server: KernelClient, in laboratory: Laboratory) async throws {
            let message = laboratory.directory.appending(path: "empty-message")
            try Data(repeating: 0, count: 5).write(to: message)
            let headers = try await laboratory.run(
                "curl", "--silent", "--show-error", "--http2-prior-knowledge", "--header", "content-type: application/grpc", "--header",
                "te: trailers", "--data-binary", "@\(message.path)", "--dump-header", "-", "--output", "/dev/null",
                "http://\(server.address):9600/ShareManagerService/\(method)")
            guard headers.lowercased().contains("grpc-status: 0") else { throw TestFailure("\(method)\n\(headers)") }
        }

        private func mountedClient(of server: KernelClient, in laboratory: Laboratory) async throws -> KernelClient {
            let client = try await KernelClient(node: "node-a", number: 2, in: laboratory)
            try await client.run("mkdir /mnt/vol; mount -t nfs4 -o vers=4.1,noresvport \(server.address):/vol /mnt/vol")
            return client
        }

        @Test(
            "encrypts it while it is blank, opens it on the next node, where clients find what they wrote, and says when its device hangs")
        func encrypted() async throws {
            try await Laboratory.running(kernels: 2) { laboratory in
                let disk = laboratory.directory.appending(path: "disk.image").path
                try await laboratory.run("truncate", "--size", "256M", disk)
                let environment = "ENCRYPTED=true PASSPHRASE='let me in' CRYPTOPBKDF=pbkdf2"
                let server = try await share("server", disk: disk, size: 256, environment: environment, in: laboratory)
                let client = try await mountedClient(of: server, in: laboratory)
                try await client.run("echo content >/mnt/vol/file; sync /mnt/vol/file")
                try await server.cutPower()
                #expect(try await laboratory.run("blkid", "-p", "-s", "TYPE", "-o", "value", disk).contains("crypto_LUKS"))
                let next = try await share("server-again", disk: disk, size: 256, environment: environment, in: laboratory)
                try await client.run("[ $(cat /mnt/vol/file) = content ]")
                // A device that says nothing any more, and then does.
                try await next.run(
                    """
                    until_logged() { until grep --quiet "$1" job-*.out; do sleep 0.2; done; }
                    dmsetup suspend --noflush --nolockfs --noudevsync longhorn
                    until_logged 'the device does not answer'
                    dmsetup resume --noudevsync longhorn
                    until_logged 'the device answers again'
                    """)
                try await client.run("echo more >>/mnt/vol/file; sync /mnt/vol/file")
            }
        }

        @Test("grows, is unmounted and mounted, and turns read-only, and clients that write to it all the time get no error")
        func underLoad() async throws {
            try await Laboratory.running(kernels: 2) { laboratory in
                let disk = laboratory.directory.appending(path: "disk.image").path
                try await laboratory.run("truncate", "--size", "512M", disk)
                let server = try await share("server", disk: disk, size: 256, in: laboratory)
                let client = try await mountedClient(of: server, in: laboratory)
                let load = try client.start(
                    """
                    exec 9>/mnt/vol/locked
                    flock 9
                    for ((i = 0; ; i++)); do
                        [ ! -e /run/stop ] || break
                        echo $i >/mnt/vol/number
                        sync /mnt/vol/number
                        [ $(cat /mnt/vol/number) = $i ]
                        mkdir /mnt/vol/directory-$i
                        echo $i >&9
                        echo $i
                    done
                    flock -u 9
                    """)
                func goesOn() async throws {
                    let before = load.output
                    try await eventually("work goes on\n\(before.suffix(200))", within: .seconds(40)) {
                        load.output.count > before.count + 20
                    }
                }
                let size = "df --output=size -m /mnt/vol | tail -1"
                try await goesOn()
                try await client.run("(($(\(size)) < 256))")
                try await server.run(
                    """
                    dmsetup suspend longhorn
                    dmsetup reload longhorn --table "0 \(512 << 11) linear /dev/ubda 0"
                    dmsetup resume --noudevsync longhorn
                    """)
                try await call("FilesystemResize", of: server, in: laboratory)
                try await client.run("(($(\(size)) > 400))")
                try await goesOn()

                try await call("Unmount", of: server, in: laboratory)
                try await server.run("! mountpoint -q /mnt/export/vol; e2fsck -fn /dev/dm-0")
                try await call("Mount", of: server, in: laboratory)
                try await goesOn()

                try await server.run("mount -o remount,abort /mnt/export/vol || true")
                try await goesOn()
                try await client.run("touch /run/stop")
                try await load.finished()
            }
        }
    }
}
