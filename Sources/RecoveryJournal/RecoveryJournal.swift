import CLinux
import Glibc

/// The record of clients on local stable storage: a file of lines that is only ever appended to, and from time to time replaced
/// by a shorter one that says the same.
///
/// A change that was acknowledged is on stable storage; one that was interrupted is there as a whole or not at all. One process
/// at a time has a journal open. Not thread-safe: an actor owns it, whose calls may wait for the disk.
package final class RecoveryJournal {
    private static let name = "journal"
    private static let newName = "journal.new"
    /// A file that became longer than this, and than twice what it needs, is replaced. In bytes.
    private static let reasonableLength = 64 << 10
    /// Taken from the file system in advance, so that a full volume takes more changes. In bytes.
    private static let reservedLength = 4 * reasonableLength
    /// A file longer than this is none this program wrote. In bytes.
    private static let maximumLength = 64 << 20

    private let path: String
    private let directory: Int32
    private var file: Int32 = -1
    private let opening: (_ open: () -> Int32) -> Int32

    /// What the changes on stable storage come to; nil when there is no journal yet.
    package private(set) var state: JournalState?
    /// Lines in the file.
    private var count = 0
    /// The bytes of the file that are lines; behind them is the rest of one that failed.
    private var length = 0
    private var lengthToReplaceAt = RecoveryJournal.reasonableLength
    /// Whether the name of the file may still be that of the one it replaced after a power failure.
    private var isRenameVolatile = false

    /// Opens the journal in the directory `path`, which is made if it is not there.
    /// - Parameter opening: runs each call that opens or makes a file of the journal and may look at the descriptor it returns
    ///   before anything is written there.
    /// - Throws: when another process has it, when it is damaged, when others may have written it.
    package init(in path: String, opening: @escaping (_ open: () -> Int32) -> Int32 = { $0() }) throws(JournalError) {
        self.path = path
        self.opening = opening
        try Self.makeDirectory(path)
        directory = opening { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard directory >= 0 else { throw JournalError("open", path) }
        // From here on deinit closes what is open, also when this throws.
        try requireOwnDirectory()
        guard Self.lock(directory) else {
            throw JournalError(
                "the journal of client records in \(path) belongs to another server that runs on this machine: stop it, or give "
                    + "this one a volume or a state-dir of its own")
        }
        // The rest of a replacement that was interrupted.
        unlinkat(directory, Self.newName, 0)
        try load()
    }

    deinit {
        if file >= 0 { close(file) }
        if directory >= 0 { close(directory) }
    }

    /// Waits a second at most: a predecessor that was killed may not be quite gone.
    private static func lock(_ directory: Int32) -> Bool {
        for attempt in 0..<50 {
            if attempt > 0 { usleep(20_000) }
            if flock(directory, LOCK_EX | LOCK_NB) == 0 { return true }
        }
        return false
    }

    private static func makeDirectory(_ path: String) throws(JournalError) {
        for end in path.indices.dropFirst() where path[end] == "/" { mkdir(String(path[..<end]), 0o755) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw JournalError("make", path) }
        guard let slash = path.lastIndex(of: "/") else { return }
        try persistDirectory(String(path[..<slash]) + "/")
    }

    private static func persistDirectory(_ path: String) throws(JournalError) {
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(directory) }
        guard directory >= 0, fsync(directory) == 0 else { throw JournalError("bring to stable storage", path) }
    }

    /// Whoever may write the directory says who may reclaim.
    private func requireOwnDirectory() throws(JournalError) {
        var status = stat()
        guard fstat(directory, &status) == 0 else { throw JournalError("look at", path) }
        guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw JournalError(
                "the directory \(path) of the journal of client records can be written by others: look what is in it, then move it away")
        }
    }

    private func load() throws(JournalError) {
        let file = opening { openat(directory, Self.name, O_RDWR | O_CLOEXEC | O_NOFOLLOW) }
        guard file >= 0 else {
            guard errno == ENOENT else { throw JournalError("open", "\(path)/\(Self.name)") }
            return
        }
        self.file = file
        let content = try JournalText.read(bytes(), path: "\(path)/\(Self.name)")
        var state = JournalState(lineage: "")
        for change in content.changes { state.apply(change) }
        (self.state, count, length) = (state, content.changes.count, content.length)
        guard ftruncate(file, off_t(length)) == 0, fsync(file) == 0 else { throw JournalError("repair the end of", "\(path)/\(Self.name)") }
        reserve(file)
    }

    private func bytes() throws(JournalError) -> [UInt8] {
        let size = lseek(file, 0, SEEK_END)
        guard size >= 0, size <= Self.maximumLength else {
            throw JournalError("read", "\(path)/\(Self.name)", code: size < 0 ? errno : EFBIG)
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress! + filled, $0.count - filled, off_t(filled)) }
            guard count > 0 else { throw JournalError("read", "\(path)/\(Self.name)", code: count < 0 ? errno : EIO) }
            filled += count
        }
        return bytes
    }

    /// Fails without harm where the volume is full or the file system does not know how.
    private func reserve(_ file: Int32) {
        _ = linux_reserve(file, UInt64(Self.reservedLength))
    }

    // MARK: Changes

    /// Begins the record of a new instance.
    /// - Parameter listed: the clients that may reclaim from it.
    package func begin(listed: Set<[UInt8]>) throws(JournalError) {
        if let state {
            try append(.begin(instance: state.instance + 1, listed: listed))
        } else {
            var state = JournalState(lineage: Self.newLineage())
            state.apply(.begin(instance: 1, listed: listed))
            try replace(by: state)
        }
    }

    private static func newLineage() -> String { String(UInt64.random(in: 1 << 60...UInt64.max), radix: 36) }

    /// Appends a change, which is on stable storage when this returns. After a failure it may be called again.
    package func append(_ change: JournalChange) throws(JournalError) {
        let line = JournalText.line(change, number: count + 1)
        guard length + line.count <= Self.maximumLength else { throw JournalError("append to", "\(path)/\(Self.name)", code: EFBIG) }
        let points = change.crashPoints
        if points.torn.isChosen {
            try write(line.dropLast(line.count / 2), to: file, at: length)
            CrashPoint.crash()
        }
        try write(line[...], to: file, at: length)
        points.written.reach()
        guard fsync(file) == 0 else { throw JournalError("bring to stable storage", "\(path)/\(Self.name)") }
        if isRenameVolatile { try persistRename() }
        count += 1
        length += line.count
        state?.apply(change)
        points.durable.reach()
        replaceIfLong()
    }

    private func write(_ bytes: ArraySlice<UInt8>, to file: Int32, at offset: Int) throws(JournalError) {
        var (rest, offset) = (bytes, offset)
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(offset)) }
            guard count > 0 else { throw JournalError("write", "\(path)/\(Self.name)", code: count < 0 ? errno : EIO) }
            rest = rest.dropFirst(count)
            offset += count
        }
    }

    // MARK: Replacement

    private func replaceIfLong() {
        guard length >= lengthToReplaceAt, let state else { return }
        // What cannot be done now, on a full volume for example, is tried again later: the longer file is as good.
        try? replace(by: state)
        lengthToReplaceAt = max(Self.reasonableLength, 2 * length)
    }

    /// Puts a file that says `state` and nothing else in the place of the journal.
    private func replace(by state: JournalState) throws(JournalError) {
        let new = opening { openat(directory, Self.newName, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600) }
        guard new >= 0 else { throw JournalError("make", "\(path)/\(Self.newName)") }
        var isKept = false
        defer { if !isKept { close(new) } }
        let lines = state.changes.enumerated().map { JournalText.line($1, number: $0 + 1) }
        reserve(new)
        let text = Array(lines.joined())
        try write(text[...], to: new, at: 0)
        guard fsync(new) == 0 else { throw JournalError("bring to stable storage", "\(path)/\(Self.newName)") }
        CrashPoint.replaceWritten.reach()
        guard renameat(directory, Self.newName, directory, Self.name) == 0 else {
            throw JournalError("rename", "\(path)/\(Self.newName)")
        }
        isKept = true
        // From here on the new file is the journal, whatever becomes of the rest.
        if file >= 0 { close(file) }
        (file, count, length, self.state) = (new, lines.count, text.count, state)
        isRenameVolatile = true
        CrashPoint.replaceRenamed.reach()
        try persistRename()
        CrashPoint.replaceDurable.reach()
    }

    private func persistRename() throws(JournalError) {
        guard fsync(directory) == 0 else { throw JournalError("bring to stable storage", path) }
        isRenameVolatile = false
    }
}
