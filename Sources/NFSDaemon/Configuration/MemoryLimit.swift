import Foundation

/// What the control groups of a process let it have of the machine's memory.
package struct MemoryLimit {
    /// In bytes; nil without a limit.
    package let bytes: Int?
    /// The file that tells how much of it is taken, below /sys/fs/cgroup.
    private let usage: String
    private let read: @Sendable (String) -> String?

    /// That of this process.
    static var own: MemoryLimit {
        MemoryLimit(groups: (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? "") {
            try? String(contentsOfFile: "/sys/fs/cgroup/\($0)", encoding: .utf8)
        }
    }

    /// - Parameters:
    ///   - groups: as /proc/self/cgroup has them.
    ///   - read: the content of a file below /sys/fs/cgroup.
    package init(groups: String, read: @escaping @Sendable (String) -> String?) {
        self.read = read
        let limits = groups.split(separator: "\n").flatMap { line -> [(bytes: Int, usage: String)] in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return [] }
            // Version 2 has one hierarchy for everything; version 1 one for each controller.
            let isVersion2 = fields[0] == "0" && fields[1].isEmpty
            guard isVersion2 || fields[1].split(separator: ",").contains("memory") else { return [] }
            let (hierarchy, file, usage) =
                isVersion2 ? ("", "memory.max", "memory.current") : ("memory/", "memory.limit_in_bytes", "memory.usage_in_bytes")
            // A container may see a path that begins outside of it, but at the root it sees its own group.
            let names = fields[2].split(separator: "/")
            return (0...names.count).compactMap { depth in
                let group = hierarchy + names.prefix(depth).map { "\($0)/" }.joined()
                return Self.number(in: read(group + file)).map { ($0, group + usage) }
            }
        }
        let least = limits.min { $0.bytes < $1.bytes }
        bytes = least?.bytes
        usage = least?.usage ?? ""
    }

    private static func number(in file: String?) -> Int? { file.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } }

    /// Whether less than an eighth is left of it, the pages of files counted as taken.
    package var isNearlyReached: Bool {
        guard let bytes, let taken = Self.number(in: read(usage)) else { return false }
        return taken > bytes / 8 * 7
    }

    /// What requests and replies under way may take: a quarter, since the rest is for everything else and for the files' pages. A
    /// whole number of MiB.
    package var bufferMemory: Int { max(4, min(256, (bytes ?? .max) / (4 << 20))) << 20 }

    /// What may be taken by what is remembered of files: a sixteenth.
    package var cacheMemory: Int { min(16 << 20, (bytes ?? .max) / 16) }

    /// How many descriptors are kept open: each takes some KiB for the kernel's part and ours, a quarter of the limit in all.
    package var cachedDescriptors: Int { max(64, min(4096, (bytes ?? .max) / (16 << 10))) }

    /// How many RPCSEC_GSS contexts are kept: each takes 17 KiB, a sixteenth of the limit in all.
    package var securityContexts: Int { max(64, min(4096, (bytes ?? .max) / (16 * 17 << 10))) }
}
