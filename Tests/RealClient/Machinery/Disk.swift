import Foundation

/// The disk of a machine that is a kernel of its own: a file with an ext4.
struct Disk {
    let path: String
    /// Where dm-log-writes notes in what order the disk was written and flushed; nil when it does not.
    let log: String?
    /// What the disk held before that.
    private let original: String

    /// - Parameter isLogged: whether what was never flushed can be taken from it (`loseUnflushed`).
    init(in laboratory: Laboratory, isLogged: Bool = false) async throws {
        func file(_ name: String) -> String { laboratory.directory.appending(path: name).path }
        path = file("disk.image")
        original = file("original.image")
        try await laboratory.run("truncate", "--size", "1G", path)
        try await laboratory.run("mkfs.ext4", "-q", path)
        log = isLogged ? file("log.image") : nil
        guard let log else { return }
        try await laboratory.run("cp", "--sparse=always", path, original)
        try await laboratory.run("truncate", "--size", "4G", log)
    }

    /// Makes the disk what its device guarantees and no more: all that was written before its last flush, as the log has it. Nobody may
    /// use it meanwhile.
    /// - Returns: how many writes and flushes there were.
    func loseUnflushed() async throws -> (writes: Int, flushes: Int) {
        guard let log else { throw TestFailure("the disk was not logged") }
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: original, toPath: path)
        let disk = try FileHandle(forUpdating: URL(filePath: path))
        let records = try FileHandle(forReadingFrom: URL(filePath: log))
        // Documentation/admin-guide/device-mapper/log-writes.rst, and the structures in the driver: little endian, in sectors.
        func read(_ count: Int, at offset: Int) throws -> Data {
            try records.seek(toOffset: UInt64(offset))
            guard let data = try records.read(upToCount: count), data.count == count else { throw TestFailure("the log ends too early") }
            return data
        }
        func number(_ data: Data, _ index: Int) -> Int {
            data.dropFirst(index * 8).prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        let head = try read(28, at: 0)
        guard number(head, 0) == 0x6a_7366_7773_6872, number(head, 1) == 1 else { throw TestFailure("that is no log of dm-log-writes") }
        let sector = number(head, 3) & 0xffff_ffff
        var (position, writes, flushes) = (sector, 0, 0)
        for _ in 0..<number(head, 2) {
            let entry = try read(32, at: position)
            let (place, count, flags) = (number(entry, 0), number(entry, 1), number(entry, 2))
            position += sector
            let (flush, forceUnitAccess, discard, mark) = (1, 2, 4, 8)
            guard flags & (discard | mark) == 0 else { throw TestFailure("nobody discards or marks anything here") }
            if flags & (flush | forceUnitAccess) != 0 { flushes += 1 }
            guard count > 0 else { continue }
            writes += 1
            try disk.seek(toOffset: UInt64(place * sector))
            try disk.write(contentsOf: try read(count * sector, at: position))
            position += count * sector
        }
        try disk.close()
        try records.close()
        return (writes, flushes)
    }
}
