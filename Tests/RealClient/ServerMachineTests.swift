import Foundation
import Testing

extension RealClient {
    @Suite("a server whose machine is a kernel of its own", .serialized, .timeLimit(.minutes(3)))
    struct ServerMachines {
        @Test(
            "that loses power, and what its disk was not told to keep, loses no acknowledged byte, open or lock",
            arguments: [false, true])
        func powerLoss(andUnflushed losesUnflushed: Bool) async throws {
            try await Laboratory.running(kernels: 3) { laboratory in
                let disk = try await Disk(in: laboratory, isLogged: losesUnflushed)
                let machine = try await ServerMachine(node: "server", in: laboratory, disk: disk)
                async let first = machine.client("node-a", number: 2, in: laboratory)
                async let second = machine.client("node-b", number: 3, in: laboratory)
                let (worker, rival) = try await (first, second)
                try await Load.during(workers: [worker], rival: rival) { load in
                    try await machine.losePower(disk, unheardBy: [worker, rival], in: laboratory)
                    _ = try await ServerMachine(node: "server-again", in: laboratory, disk: disk)
                    try await load.goesOn(within: .seconds(60))
                }
            }
        }

        @Test(
            "that loses power, and what its disk was not told to keep, loses no acknowledged change of names, of which nobody asked for an fsync",
            arguments: [false, true])
        func powerLossAmongNames(andUnflushed losesUnflushed: Bool) async throws {
            try await Laboratory.running(kernels: 2) { laboratory in
                let disk = try await Disk(in: laboratory, isLogged: losesUnflushed)
                let machine = try await ServerMachine(node: "server", in: laboratory, disk: disk)
                let client = try await machine.client("node-a", number: 2, in: laboratory)
                // A line for each name that is there, and for each that is gone, as soon as that is answered.
                let names = try client.start(
                    """
                    mkdir /mnt/vol/names
                    for ((i = 0; ; i++)); do
                        [ ! -e /run/stop ] || break
                        mkdir /mnt/vol/names/$i
                        mv /mnt/vol/names/$i /mnt/vol/names/moved-$i
                        echo "-d moved-$i"
                        rmdir /mnt/vol/names/moved-$i
                        mkdir /mnt/vol/names/kept-$i
                        echo "! -e moved-$i"
                        echo "-d kept-$i"
                    done
                    """)
                try await eventually("names are made", within: .seconds(30)) { names.output.split(separator: "\n").count > 100 }
                try await machine.losePower(disk, unheardBy: [client], in: laboratory)
                // The last line may be of a name that the client was about to remove.
                let acknowledged = names.output.split(separator: "\n").filter { !$0.hasPrefix("-d moved") }
                let next = try await ServerMachine(node: "server-again", in: laboratory, disk: disk)
                // Looked at where they are, beside the server.
                try await next.kernel.run("cd /mnt/disk/names\n" + acknowledged.map { "[ \($0) ]" }.joined(separator: "\n"))
                try await client.run("touch /run/stop")
                try await names.finished()
                print("\(acknowledged.count) changes of names were acknowledged before the power was cut")
            }
        }

        @Test("and whose disk takes half a second for everything answers others while a COMMIT or a cold READ waits for it")
        func slowDisk() async throws {
            try await Laboratory.running(kernels: 2) { laboratory in
                let disk = try await Disk(in: laboratory)
                let machine = try await ServerMachine(node: "server", in: laboratory, disk: disk, delay: .milliseconds(500))
                let client = try await machine.client("node-a", number: 2, options: "vers=4.1,noac,nconnect=1", in: laboratory)
                try await client.run("dd if=/dev/urandom of=/mnt/vol/data bs=1M count=1 conv=fsync status=none; touch /mnt/vol/name")
                try await machine.kernel.run("drop_caches")
                let report = try await client.run(
                    """
                    # Attributes come from the server each time; once, that they are in its memory.
                    stat /mnt/vol/name /mnt/vol/data >/dev/null
                    # during WHAT COMMAND…: looks at attributes while the command runs, which takes the disk's time.
                    during() {
                        local begun=${EPOCHREALTIME/./} looks=0
                        "${@:2}" &
                        while kill -0 $! 2>/dev/null; do
                            [ -e /mnt/vol/name ]
                            ((++looks))
                        done
                        wait $!
                        took=$(((${EPOCHREALTIME/./} - begun) / 1000))
                        echo "$1: $took ms, $looks looks at attributes meanwhile"
                        ((took >= 500)) || fail "$1 did not wait for the disk"
                        ((looks >= 20)) || fail "$1 held others up"
                    }
                    during "a READ of what is not in memory" dd if=/mnt/vol/data of=/dev/null iflag=direct bs=4k count=1 skip=100 status=none
                    during "a WRITE and its COMMIT" dd if=/dev/zero of=/mnt/vol/data conv=notrunc,fsync bs=4k count=1 status=none
                    """)
                print(report)
            }
        }
    }
}
