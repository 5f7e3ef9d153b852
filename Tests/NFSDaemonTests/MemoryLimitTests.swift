import NFSDaemon
import Testing

@Suite("the memory limit of a process")
struct MemoryLimitTests {
    private static func limit(_ groups: String, _ files: [String: String]) -> MemoryLimit { MemoryLimit(groups: groups) { files[$0] } }

    @Test("is the least of its control group and those above, version 2")
    func version2() {
        let files = ["pods/memory.max": "536870912\n", "pods/one/memory.max": "max\n", "memory.max": "1073741824\n"]
        #expect(Self.limit("0::/pods/one\n", files).bytes == 512 << 20)
    }

    @Test("is that of the controller of memory, version 1")
    func version1() {
        let files = ["memory/a/memory.limit_in_bytes": "67108864\n", "memory/memory.limit_in_bytes": "9223372036854771712\n"]
        #expect(Self.limit("5:cpu,cpuacct:/b\n4:memory:/a\n", files).bytes == 64 << 20)
    }

    @Test("is that of the root, where a container sees a path from outside")
    func container() {
        #expect(Self.limit("0::/kubepods/pod1/container\n", ["memory.max": "104857600\n"]).bytes == 100 << 20)
    }

    @Test("is missing where nobody set one")
    func none() {
        #expect(Self.limit("0::/\n", ["memory.max": "max\n"]).bytes == nil)
        #expect(Self.limit("", [:]).bytes == nil)
    }

    @Test("is nearly reached when less than an eighth of it is left, files' pages included")
    func nearlyReached() {
        func isNearlyReached(_ taken: String?) -> Bool {
            Self.limit("0::/pod\n", ["pod/memory.max": "800\n", "pod/memory.current": taken].compactMapValues { $0 }).isNearlyReached
        }
        #expect(isNearlyReached("701\n"))
        #expect(!isNearlyReached("700\n"))
        #expect(!isNearlyReached(nil))
        let version1 = ["memory/a/memory.limit_in_bytes": "800\n", "memory/a/memory.usage_in_bytes": "800\n"]
        #expect(Self.limit("4:memory:/a\n", version1).isNearlyReached)
    }

    @Test(
        "leaves a quarter to buffers, whole MiB from 4 to 256",
        arguments: [(nil, 256), (4 << 30, 256), (512 << 20, 128), (66 << 20, 16), (1 << 20, 4)] as [(Int?, Int)])
    func buffers(bytes: Int?, mebibytes: Int) {
        let limit = Self.limit("0::/\n", ["memory.max": bytes.map(String.init) ?? "max"])
        #expect(limit.bufferMemory == mebibytes << 20)
    }

    @Test(
        "leaves a sixteenth to what is remembered of files, a quarter to descriptors, a sixteenth to contexts of Kerberos",
        arguments: [
            (nil, 16 << 20, 4096, 4096), (4 << 30, 16 << 20, 4096, 4096), (64 << 20, 4 << 20, 4096, 240),
            (32 << 20, 2 << 20, 2048, 120), (1 << 19, 1 << 15, 64, 64),
        ] as [(Int?, Int, Int, Int)])
    func caches(bytes: Int?, cacheMemory: Int, descriptors: Int, contexts: Int) {
        let limit = Self.limit("0::/\n", ["memory.max": bytes.map(String.init) ?? "max"])
        #expect((limit.cacheMemory, limit.cachedDescriptors, limit.securityContexts) == (cacheMemory, descriptors, contexts))
    }
}
