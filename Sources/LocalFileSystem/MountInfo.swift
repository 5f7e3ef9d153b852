import Glibc

/// What is mounted where, as this process sees it: the lines of `/proc/self/mountinfo` (proc(5)).
package struct MountInfo: Sendable {
    package struct Mount: Equatable, Sendable {
        /// The number statx calls the mount by.
        package let id: UInt64
        package let path: String
        /// Whether nobody may write to its file system, by a wish or since the kernel found errors in it.
        package let isReadOnly: Bool
    }

    /// In the order of the kernel: what was mounted over something comes behind it.
    package let mounts: [Mount]

    /// - Parameter text: the first field of a line is the mount's number, the fifth the place it is mounted at, the last the options of
    ///   its file system.
    package init(_ text: String) {
        mounts = text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 5)
            guard fields.count > 4, let id = UInt64(fields[0]) else { return nil }
            let options = line.split(separator: " ").last?.split(separator: ",") ?? []
            return Mount(
                id: id, path: Self.unescaped(fields[4].utf8),
                isReadOnly: options.contains { ["ro", "emergency_ro", "shutdown"].contains($0) })
        }
    }

    /// - Returns: nil when /proc cannot be read; errno says why.
    package static func current() -> MountInfo? {
        guard let file = fopen("/proc/self/mountinfo", "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
            bytes += chunk[..<count]
        }
        return MountInfo(String(decoding: bytes, as: UTF8.self))
    }

    /// The kernel writes space, tab, newline and backslash as a backslash and three octal digits.
    private static func unescaped(_ field: Substring.UTF8View) -> String {
        var bytes: [UInt8] = []
        var rest = field[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let escaped = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
                bytes.append(escaped)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
