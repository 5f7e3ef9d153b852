import ChildProcesses
import FileSystem
import Foundation
import LocalFileSystem
import NFSProtocol
import Synchronization
import Testing

/// Volumes of their own in image files, mounted here and there.
@Suite(.serialized, .enabled(if: Image.canMount, "needs root, mkfs.ext4, mkfs.xfs and loop devices: install e2fsprogs and xfsprogs"))
struct VolumeTests {
    @Test(arguments: Image.Kind.allCases) func handlesLiveThroughAMountElsewhere(_ kind: Image.Kind) throws {
        let image = try Image(kind)
        var handles: [NFSProtocol.FileHandle] = []
        var gone: NFSProtocol.FileHandle?
        var identity: FileSystemIdentity?
        var marker: UInt64 = 0
        try image.mounted { path throws in
            let fileSystem = try image.serve(path)
            let directory = try fileSystem.root.make("directory", .directory)
            let file = try directory.make("file")
            try file.open(.write, .root).writeDurably(Array("content".utf8), at: 0)
            let removed = try directory.make("removed")
            gone = removed.handle
            _ = try directory.remove(name("removed"), .root)
            handles = [fileSystem.root.handle, directory.handle, file.handle]
            identity = fileSystem.identity
            marker = try file.attributes().change
        }
        // Something else takes the loop device and the device numbers first.
        let other = try Image(kind)
        try other.mounted { otherPath in
            let otherFileSystem = try other.serve(otherPath)
            try image.mounted { path throws in
                let fileSystem = try image.serve(path)
                #expect(fileSystem.identity == identity)
                #expect(otherFileSystem.identity != identity)
                #expect(try fileSystem.node(for: handles[0], .root) === fileSystem.root)
                #expect(try fileSystem.node(for: handles[1], .root).names() == ["file"])
                let file = try fileSystem.node(for: handles[2], .root)
                #expect(try file.open(.read, .root).read(100).bytes == Array("content".utf8))
                #expect(try file.attributes().change == marker)
                #expect(throws: NFSStatus.stale) { try fileSystem.node(for: #require(gone), .root) }
                for handle in handles { #expect(throws: NFSStatus.badhandle) { try otherFileSystem.node(for: handle, .root) } }
            }
        }
    }

    @Test(arguments: Image.Kind.allCases) func anExportEndsAtItsDirectoryAndItsMount(_ kind: Image.Kind) throws {
        let image = try Image(kind)
        try image.mounted { path throws in
            try FileManager.default.createDirectory(atPath: "\(path)/above/export/inside/mounted", withIntermediateDirectories: true)
            let fileSystem = try image.serve("\(path)/above/export")
            let root = fileSystem.root
            #expect(try root.parent(.root) == nil)
            let inside = try root.find("inside")
            #expect(try inside.parent(.root) === root)
            let whole = try image.serve(path)
            #expect(whole.identity == fileSystem.identity)
            #expect(whole.root.handle != root.handle)
            // Above the export lies what a forged or leaked handle can name, but no way leads up from it for ever.
            #expect(try fileSystem.node(for: whole.root.handle, .root).parent(.root) == nil)

            let inner = try Image(kind)
            try inner.mounted(at: "\(path)/above/export/inside/mounted") { _ throws in
                #expect(throws: NFSStatus.access) { try inside.find("mounted") }
                #expect(throws: NFSStatus.access) { try inside.remove(name("mounted"), .root) }
                #expect(throws: NFSStatus.access) { try inside.rename(name("mounted"), to: root, as: name("x"), .root) }
                #expect(try inside.names() == ["mounted"])
            }
            #expect(try inside.find("mounted").type == .directory)
        }
    }

    @Test(arguments: Image.Kind.allCases) func whatIsMountedInsideIsEnteredIfThatIsWanted(_ kind: Image.Kind) throws {
        let image = try Image(kind)
        let inner = try Image(kind)
        let innermost = try Image(.ext4)
        try image.mounted { path throws in
            try FileManager.default.createDirectory(atPath: "\(path)/export/a b/mounted", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: "\(path)/export/bound", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: "\(path)/outside", withIntermediateDirectories: true)
            try inner.mounted(at: "\(path)/export/a b/mounted") { place throws in
                try FileManager.default.createDirectory(atPath: "\(place)/deeper", withIntermediateDirectories: true)
                try innermost.mounted(at: "\(place)/deeper") { _ throws in
                    try crossMounts(in: try image.serve("\(path)/export", crossesMounts: true))
                }
            }
            // What cannot be told from what has its place already is refused.
            try Image.bound("\(path)/outside", at: "\(path)/export/bound") {
                let fileSystem = try image.serve("\(path)/export", crossesMounts: true)
                #expect(throws: NFSStatus.access) { try fileSystem.root.find("bound") }
            }
        }
    }

    private func crossMounts(in fileSystem: LocalFileSystem) throws {
        let root = fileSystem.root
        let above = try root.find("a b")
        let mounted = try above.find("mounted")
        let deeper = try mounted.find("deeper")
        #expect(Set([root, above, mounted, deeper].map(\.fileSystemIdentity)).count == 3)
        #expect(Set([root, mounted, deeper].map(\.handle)).count == 3)
        for (node, parent, text) in [(mounted, above, "mounted"), (deeper, mounted, "deeper")] {
            #expect(try node.parent(.root) === parent)
            #expect(try fileSystem.node(for: node.handle, .root) === node)
            #expect(node.coveredFileID == (try parent.fileID(of: text)))
            #expect(node.coveredFileID != (try node.attributes().fileID))
            #expect(try parent.glimpse(text).node === node)
            #expect(throws: NFSStatus.access) { try parent.remove(name(text), .root) }
            let file = try node.make("file")
            #expect(file.coveredFileID == nil)
            #expect(try fileSystem.node(for: file.handle, .root) === file)
            #expect(try file.statistics(.root).bytesTotal == node.statistics(.root).bytesTotal)
            #expect(throws: NFSStatus.xdev) { try parent.link(file, as: name("x"), .root) }
            #expect(throws: NFSStatus.xdev) { try node.rename(name("file"), to: parent, as: name("x"), .root) }
        }
        #expect(root.coveredFileID == nil)
        // Who may not search the directory does not get through it.
        try above.setAttributes(AttributeChanges(mode: 0o700), .root)
        #expect(throws: NFSStatus.access) { try above.find("mounted", .user(1000)) }
        #expect(throws: NFSStatus.wouldBlock) { try above.find("mounted", .rootAtOnce) }
    }

    /// What a directory of 100,000 has to do with one of 10: it is many blocks, which the kernel splits as entries come.
    @Test func aLargeDirectoryIsListedWholeWhileOthersChangeIt() throws {
        let image = try Image(.ext4)
        try image.mounted { path throws in
            let fileSystem = try image.serve(path)
            let directory = try fileSystem.root.make("large", .directory)
            let count = 100_000
            // Names of two files, as the cheapest there are. Each can have 65,000.
            let files = try (0..<2).map { try fileSystem.root.make("file \($0)") }
            for index in 0..<count { _ = try directory.link(files[index % 2], as: name("stays \(index)"), .root) }
            let done = Mutex(false)
            let changes = DispatchGroup()
            let failures = Mutex<[String]>([])
            changes.enter()
            Thread {
                defer { changes.leave() }
                var generator = SeededGenerator(seed: 11)
                var present: [Int] = []
                var next = 0
                do {
                    while !done.withLock({ $0 }) {
                        switch present.count < 2000 ? 0 : Int.random(in: 0..<3, using: &generator) {
                        case 0:
                            _ = try directory.link(files[next % 2], as: name("other \(next)"), .root)
                            present.append(next)
                            next += 1
                        case 1:
                            let index = present.remove(at: Int.random(in: 0..<present.count, using: &generator))
                            _ = try directory.remove(name("other \(index)"), .root)
                        default:
                            let place = Int.random(in: 0..<present.count, using: &generator)
                            _ = try directory.rename(name("other \(present[place])"), to: directory, as: name("other \(next)"), .root)
                            present[place] = next
                            next += 1
                        }
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }.start()
            for batch in [300, 20_000] {
                let listed = try directory.list(batch: batch).map(\.name).filter { $0.hasPrefix("stays") }
                #expect(listed.count == count)
                #expect(Set(listed).count == count)
            }
            done.withLock { $0 = true }
            changes.wait()
            LocalFileSystem.actAsSuperuser()
            #expect(failures.withLock { $0 } == [])
            // The last names a file can have.
            #expect(throws: NFSStatus.mlink) {
                for index in 0..<20_000 { _ = try fileSystem.root.link(files[0], as: name("more \(index)"), .root) }
            }
            #expect(try files[0].attributes().linkCount == fileSystem.statistics(.root).maximumLinks)
        }
    }

    @Test(arguments: Image.Kind.allCases) func aFullDeviceSaysSo(_ kind: Image.Kind) throws {
        let image = try Image(kind)
        try image.mounted { path throws in
            let fileSystem = try image.serve(path)
            try fileSystem.root.setAttributes(AttributeChanges(mode: 0o777), .root)
            let file = try fileSystem.root.make("file", .regular, .user(1000))
            let free = try fileSystem.statistics(.root).bytesFree
            let open = try file.open(.write, .user(1000))
            let chunk = [UInt8](repeating: 1, count: 1 << 20)
            var offset: UInt64 = 0
            #expect(throws: NFSStatus.nospc) {
                while offset < 1 << 32 { offset += UInt64(try open.write(chunk, at: offset)) }
            }
            #expect(offset > 1 << 20)
            #expect(throws: NFSStatus.nospc) { try open.writeDurably(chunk, at: offset) }
            if kind == .ext4 {
                // A part is kept back for the superuser.
                #expect(try file.open(.write, .root).write(chunk, at: offset) == chunk.count)
            }
            try open.commit(mayBlock: true)
            // Nothing holds on to a removed file that nobody has open.
            _ = try fileSystem.root.remove(name("file"), .root)
            #expect(try fileSystem.statistics(.root).bytesFree < free)
            let handle = file.handle
            withExtendedLifetime(open) {}
            #expect(try fileSystem.node(for: handle, .root).attributes().linkCount == 0)
        }
    }

    @Test(arguments: Image.Kind.allCases) func keepsAccessControlLists(_ kind: Image.Kind) throws {
        let image = try Image(kind)
        let acl = [AccessControlEntry(.allow, .owner, .readData), AccessControlEntry(.allow, .user(3000), [.readData, .execute])]
        try image.mounted { path throws in
            let fileSystem = try image.serve(path)
            #expect(fileSystem.root.fileSystemFeatures == [.creationTime, .accessControlLists])
            try fileSystem.root.make("file").setAttributes(AttributeChanges(acl: acl), .root)
            let many = (0..<20_000).map { AccessControlEntry(.allow, .user(UInt32($0)), .readData) }
            #expect(throws: NFSStatus.nospc) { try fileSystem.root.make("many").setAttributes(AttributeChanges(acl: many), .root) }
        }
        try image.mounted { path throws in
            let file = try image.serve(path).root.find("file")
            #expect(try file.access(.all, .user(3000)) == [.read, .execute])
            #expect(try file.attributes().mode == 0o450)
        }
    }

    /// Inodes as small as this keep times in whole seconds.
    @Test func changesOfOneSecondDifferWhereCtimeHasSeconds() throws {
        let image = try Image(.ext4, options: ["-I", "128"])
        try image.mounted { path throws in
            var last: UInt64 = 0
            var handle: NFSProtocol.FileHandle?
            for index in 0..<30 {
                let fileSystem = try image.serve(path)
                #expect(!fileSystem.root.fileSystemFeatures.contains(.creationTime))
                let file = try handle.map { try fileSystem.node(for: $0, .root) } ?? fileSystem.root.make("file")
                handle = file.handle
                for _ in 0..<3 {
                    try file.open(.write, .root).write([UInt8(index)])
                    let change = try file.attributes().change
                    #expect(change > last)
                    last = change
                }
            }
        }
    }

    @Test func removedFilesGiveTheirStorageBack() throws {
        let image = try Image(.ext4)
        try image.mounted { path throws in
            let fileSystem = try image.serve(path)
            let before = try fileSystem.statistics(.root).bytesFree
            let file = try fileSystem.root.make("file")
            try file.open(.write, .root).writeDurably([UInt8](repeating: 1, count: 8 << 20), at: 0)
            #expect(try fileSystem.statistics(.root).bytesFree + 8 << 20 <= before)
            _ = try fileSystem.root.remove(name("file"), .root)
            #expect(try fileSystem.statistics(.root).bytesFree == before)
        }
    }

    @Test func overwritingCachedDataOnXFSDoesNotWait() throws {
        let image = try Image(.xfs)
        try image.mounted { path throws in
            let open = try image.serve(path).root.make("file").open(.both, .root)
            try open.write([UInt8](repeating: 1, count: 8192))
            #expect(try open.write(([2, 3] as [UInt8]).span.bytes, at: 100, mayBlock: false) == 2)
            #expect(try open.read(2, at: 100, mayBlock: false).bytes == [2, 3])
        }
    }

    @Test func aReadOnlyMountRefusesChanges() throws {
        let image = try Image(.ext4)
        try image.mounted { path in try image.serve(path).root.make("file") }
        try image.mounted(options: "ro") { path in
            let fileSystem = try image.serve(path)
            let file = try fileSystem.root.find("file")
            #expect(throws: NFSStatus.rofs) { try fileSystem.root.make("x") }
            #expect(throws: NFSStatus.rofs) { try fileSystem.root.remove(name("file"), .root) }
            #expect(throws: NFSStatus.rofs) { try file.setAttributes(AttributeChanges(mode: 0o777), .root) }
            #expect(throws: NFSStatus.rofs) { try file.open(.write, .root) }
            #expect(try file.access(.all, .root) == [.read])
            _ = try file.open(.read, .root)
        }
    }
}

/// A file system in a sparse file. Mounted through a loop device while it is looked at.
struct Image: ~Copyable {
    enum Kind: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case ext4, xfs

        var testDescription: String { rawValue }

        fileprivate var megabytes: Int { self == .ext4 ? 32 : 320 }
        fileprivate var options: [String] { self == .ext4 ? ["-q", "-m", "20"] : ["-q"] }
    }

    static let canMount =
        isSuperuser && FileManager.default.fileExists(atPath: "/dev/loop-control")
        && ["/usr/sbin/mkfs.ext4", "/usr/sbin/mkfs.xfs"].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }

    private let directory: String
    private var file: String { "\(directory)/image" }

    init(_ kind: Kind, options: [String] = []) throws {
        LocalFileSystem.actAsSuperuser()
        directory = "\(NSTemporaryDirectory())/volume-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        try Self.run("/usr/bin/truncate", ["-s", "\(kind.megabytes)M", file])
        try Self.run("/usr/sbin/mkfs.\(kind.rawValue)", kind.options + options + [file])
    }

    deinit {
        LocalFileSystem.actAsSuperuser()
        try? FileManager.default.removeItem(atPath: directory)
    }

    func serve(_ path: String, crossesMounts: Bool = false) throws -> LocalFileSystem {
        try LocalFileSystem(path: path, durableMetadata: false, descriptorLimit: 100, crossesMounts: crossesMounts)
    }

    /// Runs `body` while the directory `path` is at `place`, too.
    static func bound(_ path: String, at place: String, _ body: () throws -> Void) throws {
        try run("/usr/bin/mount", ["--bind", path, place])
        var failure: (any Error)?
        do { try body() } catch { failure = error }
        LocalFileSystem.actAsSuperuser()
        try run("/usr/bin/umount", [place])
        if let failure { throw failure }
    }

    /// Runs `body` while the image is mounted, at a place that was not used before if none is given.
    func mounted(at place: String? = nil, options: String = "rw", _ body: (_ path: String) throws -> Void) throws {
        let path = place ?? "\(directory)/\(UUID().uuidString)"
        if place == nil { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) }
        // XFS would not mount two file systems that are copies of each other; these are not, so no option is needed.
        try Self.run("/usr/bin/mount", ["-o", "loop,\(options)", file, path])
        defer { LocalFileSystem.actAsSuperuser() }
        var failure: (any Error)?
        do { try body(path) } catch { failure = error }
        LocalFileSystem.actAsSuperuser()
        // Fails when a descriptor is still open in it, which is a failure of the test.
        try Self.run("/usr/bin/umount", [path])
        if let failure { throw failure }
    }

    static func run(_ program: String, _ arguments: [String]) throws {
        let end = try FinishedProgram(program, arguments)
        try #require(end.status == 0, "\(program) \(arguments.joined(separator: " ")): \(end.errors)")
    }
}
