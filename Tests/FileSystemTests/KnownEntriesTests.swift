import FileSystem
import Foundation
import LocalFileSystem
import NFSProtocol
import Testing

/// Listings of directories whose entries are known from the last time tell what is there now.
@Suite struct KnownEntriesTests {
    /// What other processes of the machine do to the directory `path`, in which there are the files `a`, `b` and `c`.
    enum Change: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case adds, removes, renames, replaces, links, exchanges, makesAnother
        case writes, truncates, changesMode, changesTimes

        var testDescription: String { rawValue }

        func make(_ path: String) throws {
            let (a, b, c) = ("\(path)/a", "\(path)/b", "\(path)/c")
            let result: Int32
            switch self {
            case .adds: result = mkfifo("\(path)/new", 0o600)
            case .removes: result = unlink(a)
            case .renames: result = rename(a, "\(path)/another")
            case .replaces: result = rename(a, b)
            case .links: result = link(a, "\(path)/link")
            case .exchanges: result = rename(a, "\(path)/x") | rename(b, a) | rename("\(path)/x", b)
            case .makesAnother: result = unlink(c) | mkdir(c, 0o700)
            case .writes:
                let file = open(b, O_WRONLY)
                result = write(file, "more", 4) == 4 ? close(file) : -1
            case .truncates: result = truncate(b, 1)
            case .changesMode: result = chmod(b, 0o400)
            case .changesTimes:
                result = utimes(b, [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 2, tv_usec: 0)])
            }
            try #require(result == 0, "\(String(cString: strerror(errno)))")
        }
    }

    private struct Seen: Equatable {
        var inode: UInt64
        var links: UInt32
        var mode: UInt32
        var size: UInt64
        var modified: Int
    }

    @Test(arguments: Change.allCases, [false, true]) func tellsOfChangesByOthers(_ change: Change, _ areInUse: Bool) throws {
        try withLocalFileSystem { fileSystem, path throws in
            let root = fileSystem.root
            for (index, text) in ["a", "b", "c"].enumerated() {
                try Data(repeating: 1, count: 2 + index).write(to: URL(filePath: "\(path)/\(text)"))
            }
            if areInUse { for text in ["a", "b", "c"] { _ = try root.find(text) } }
            // Until the last change of the directory is no news any more; then its entries are known, and who they are.
            usleep(50_000)
            for _ in 0..<3 { try expectTruth(root, path) }
            try change.make(path)
            for _ in 0..<3 { try expectTruth(root, path) }
            usleep(50_000)
            for _ in 0..<3 { try expectTruth(root, path) }
        }
    }

    private func expectTruth(_ directory: any Node, _ path: String) throws {
        var seen: [String: Seen] = [:]
        var (cookie, atEnd): (UInt64, Bool) = (0, false)
        while !atEnd {
            var count = 0
            atEnd = try directory.entries(after: cookie, .root) { entry, glimpse throws(NFSStatus) in
                guard count < 2 else { return false }
                let (_, attributes) = try glimpse()
                seen[entry.name.text] = Seen(
                    inode: attributes.fileID, links: attributes.linkCount, mode: attributes.mode, size: attributes.size,
                    modified: Int(attributes.modifyTime.seconds))
                (cookie, count) = (entry.cookie, count + 1)
                return true
            }
        }
        var truth: [String: Seen] = [:]
        for text in try FileManager.default.contentsOfDirectory(atPath: path) {
            var status = stat()
            try #require(lstat("\(path)/\(text)", &status) == 0)
            truth[text] = Seen(
                inode: UInt64(status.st_ino), links: UInt32(status.st_nlink), mode: status.st_mode & 0o7777, size: UInt64(status.st_size),
                modified: status.st_mtim.tv_sec)
        }
        #expect(seen == truth)
    }

    @Test func aDirectoryThatIsGoneIsStale() throws {
        try withLocalFileSystem { fileSystem, path throws in
            let directory = try fileSystem.root.make("directory", .directory)
            usleep(50_000)
            for _ in 0..<2 { #expect(try directory.list().isEmpty) }
            try #require(rmdir("\(path)/directory") == 0)
            #expect(throws: NFSStatus.stale) { try directory.list() }
        }
    }

    @Test(.enabled(if: isSuperuser, needsSuperuser)) func theRightToListIsLookedAtEachTime() throws {
        try withLocalFileSystem { fileSystem, path throws in
            let root = fileSystem.root
            try root.make("file")
            usleep(50_000)
            let user = Caller.user(1000)
            for _ in 0..<2 { #expect(try root.names(user) == ["file"]) }
            LocalFileSystem.actAsSuperuser()
            try #require(chmod(path, 0o744) == 0)
            #expect(throws: NFSStatus.access) { try root.glimpse("file", user) }
            LocalFileSystem.actAsSuperuser()
            try #require(chmod(path, 0o700) == 0)
            #expect(throws: NFSStatus.access) { try root.names(user) }
            #expect(try root.names() == ["file"])
        }
    }

    @Test(
        "what is remembered takes no more memory than it may, of all file systems together, and none when they are gone",
        arguments: [0, 20_000, 300_000, 16 << 20])
    func memory(limit: Int) throws {
        let memory = CacheMemory(limit: limit)
        try withLocalFileSystem(cacheMemory: memory) { first, _ throws in
            try withLocalFileSystem(cacheMemory: memory) { second, _ throws in
                let directories = try [first, second].flatMap { fileSystem in
                    try (0..<5).map { number in
                        let directory = try fileSystem.root.make("directory \(number)", .directory)
                        for file in 0..<20 { try directory.make("file \(file)") }
                        return directory
                    }
                }
                usleep(50_000)
                for directory in directories + directories {
                    var names: Set<String> = []
                    _ = try directory.entries(after: 0, .root) { entry, glimpse throws(NFSStatus) in
                        _ = try glimpse()
                        names.insert(entry.name.text)
                        return true
                    }
                    #expect(names == Set((0..<20).map { "file \($0)" }))
                    #expect((0...limit).contains(memory.taken))
                }
                #expect((memory.taken > 0) == (limit > 0))
            }
        }
        #expect(memory.taken == 0)
    }
}
