import Testing

extension RealClient {
    @Suite(
        "one client with 16 connections", .serialized, .timeLimit(.minutes(3)),
        .cluster(.init(nodes: ["node-a"], mount: .manyConnections)))
    struct ManyConnections {
        let client = Cluster.current.clients[0]

        @Test("sixteen writers at once use them all, and every byte arrives")
        func parallelWriters() async throws {
            let report = try await client.run(
                """
                head -c 8M /dev/urandom >/run/source
                mkdir /mnt/vol/parallel
                all() {
                    pids=
                    for i in {1..16}; do
                        "$1" /mnt/vol/parallel/$i &
                        pids="$pids $!"
                    done
                    for pid in $pids; do wait $pid; done
                }
                write() { dd if=/run/source of="$1" bs=64K conv=fsync status=none; }
                compare() { cmp /run/source "$1"; }
                all write
                drop_caches
                all compare
                same 16 "$(ss -Htn state established 'dport = :2049' | wc -l)" "established connections"
                # xprt: tcp PORT BOUND CONNECTED CONNECTING IDLE SENT RECEIVED …, a line for each connection of the mount.
                sent=$(awk '/ with fstype nfs4 /{ours = $5 == "/mnt/vol"} ours && $1 == "xprt:" {print $8}' /proc/self/mountstats)
                same 16 "$(wc -w <<<"$sent")" "connections of the mount"
                for count in $sent; do ((count > 10)) || fail "a connection carried only $count requests:" $sent; done
                echo "requests of each connection:" $sent
                """)
            print(report)
        }

        @Test("four at random in files of their own agree with a model")
        func randomOperations() async throws {
            let jobs = try (1...4).map {
                try client.start("$workload random-operations /mnt/vol/random-\($0) --seed \(20_261_121 + $0) --seconds 20")
            }
            for job in jobs { try await job.finished() }
        }
    }
}
