import FileSystem
import Foundation
import LocalFileSystem
import NFSProtocol
import Synchronization
import Testing

/// What only a file system of this machine can get wrong.
@Suite struct LocalFileSystemTests {
    @Test func saysWhatToDoAboutADirectoryItCannotServe() throws {
        func message(_ path: String) -> String {
            do {
                _ = try LocalFileSystem(path: path, durableMetadata: false, descriptorLimit: 10)
                return "served"
            } catch {
                return error.description
            }
        }
        #expect(message("/nowhere/at/all").contains("does not exist: create it"))
        #expect(message("/etc/passwd").contains("not a directory"))
        #expect(message("/proc").contains("persistent filehandles: export a directory on"))
    }

    @Test func givesOneObjectForAFile() throws {
        try withLocalFileSystem { fileSystem, _ throws in
            let file = try fileSystem.root.make("file")
            _ = try fileSystem.root.link(file, as: name("second"), .root)
            #expect(try fileSystem.root.find("file") === file)
            #expect(try fileSystem.root.find("second") === file)
            #expect(try fileSystem.node(for: file.handle, .root) === file)
            #expect(try fileSystem.node(for: fileSystem.root.handle, .root) === fileSystem.root)
            #expect(file.handle.count <= 48)
        }
    }

    @Test(.enabled(if: isSuperuser, needsSuperuser)) func actsAsItsCallers() throws {
        try withLocalFileSystem { fileSystem, _ in #expect(fileSystem.actsAsCaller) }
    }

    /// The file system may give the inode number of a removed file to the next one.
    @Test func aHandleNeverNamesAnotherFile() throws {
        try withLocalFileSystem { fileSystem, _ throws in
            var handles: [NFSProtocol.FileHandle] = []
            for _ in 0..<100 {
                handles.append(try fileSystem.root.make("file").handle)
                _ = try fileSystem.root.remove(name("file"), .root)
            }
            let last = try fileSystem.root.make("file").handle
            #expect(Set(handles + [last]).count == 101)
            for handle in handles { #expect(throws: NFSStatus.stale) { try fileSystem.node(for: handle, .root) } }
        }
    }

    @Test func aFileRemovedBehindItsBackIsGone() throws {
        try withLocalFileSystem { fileSystem, path throws in
            let file = try fileSystem.root.make("file")
            let kept = try fileSystem.root.make("kept")
            let open = try kept.open(.read, .root)
            try FileManager.default.removeItem(atPath: "\(path)/file")
            try FileManager.default.removeItem(atPath: "\(path)/kept")
            #expect(throws: NFSStatus.stale) { try file.attributes() }
            #expect(throws: NFSStatus.stale) { try fileSystem.node(for: file.handle, .root) }
            #expect(try kept.attributes().linkCount == 0)
            #expect(try open.read(1) == ([], true))
        }
    }

    // MARK: Waiting

    @Test func durableChangesAreNotMadeAtOnce() throws {
        try withLocalFileSystem(durableMetadata: true) { fileSystem, _ throws in
            let root = fileSystem.root
            let file = try root.make("file")
            let before = (try root.attributes().change, try file.attributes().change)
            #expect(throws: NFSStatus.wouldBlock) { try root.make("x", .regular, .rootAtOnce) }
            #expect(throws: NFSStatus.wouldBlock) { try root.link(file, as: name("x"), .rootAtOnce) }
            #expect(throws: NFSStatus.wouldBlock) { try root.remove(name("file"), .rootAtOnce) }
            #expect(throws: NFSStatus.wouldBlock) { try root.rename(name("file"), to: root, as: name("x"), .rootAtOnce) }
            #expect(throws: NFSStatus.wouldBlock) { try file.setAttributes(AttributeChanges(mode: 0o777), .rootAtOnce) }
            let open = try file.open(.both, .rootAtOnce)
            #expect(throws: NFSStatus.wouldBlock) { try open.truncate(to: 5, mayBlock: false) }
            #expect(throws: NFSStatus.wouldBlock) { try open.commit(mayBlock: false) }
            #expect(try (root.attributes().change, file.attributes().change) == before)
            #expect(try root.names() == ["file"])
        }
    }

    @Test func answersAtOnceFromWhatIsCached() throws {
        try withLocalFileSystem { fileSystem, _ throws in
            let root = fileSystem.root
            let file = try root.make("file", .regular, .rootAtOnce)
            #expect(try root.find("file", .rootAtOnce) === file)
            #expect(try file.attributes(.rootAtOnce).size == 0)
            #expect(try file.access(.read, .rootAtOnce) == .read)
            let open = try file.open(.both, .rootAtOnce)
            do throws(NFSStatus) {
                _ = try open.write(([1, 2, 3] as [UInt8]).span.bytes, at: 0, mayBlock: false)
            } catch {
                // ext4 cannot write without waiting; nothing is written then.
                #expect(error == .wouldBlock)
                #expect(try file.attributes().size == 0)
                try open.write([1, 2, 3])
            }
            #expect(try open.read(3, mayBlock: false) == ([1, 2, 3], true))
            #expect(throws: NFSStatus.wouldBlock) { try root.names(.rootAtOnce) }
            #expect(try root.names() == ["file"])
            #expect(try root.names(.rootAtOnce) == ["file"])
        }
    }

    @Test func dataThatIsNotCachedIsNotReadAtOnce() throws {
        try withLocalFileSystem { fileSystem, path throws in
            let open = try fileSystem.root.make("file").open(.both, .root)
            let bytes = [UInt8](repeating: 7, count: 1 << 20)
            try open.write(bytes)
            try open.commit(mayBlock: true)
            let descriptor = Glibc.open("\(path)/file", O_RDONLY)
            defer { close(descriptor) }
            var status = stat()
            fstat(descriptor, &status)
            try #require(posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0)
            #expect(throws: NFSStatus.wouldBlock) { try open.read(1 << 20, mayBlock: false) }
            #expect(try open.read(1 << 20) == (bytes, true))
            #expect(try open.read(1 << 20, mayBlock: false) == (bytes, true))
        }
    }

    // MARK: Descriptors

    @Test(.enabled(if: isSuperuser, needsSuperuser)) func tenTimesMoreOpenFilesThanDescriptors() throws {
        let limit = 40
        try withLocalFileSystem(descriptorLimit: limit) { fileSystem, _ throws in
            let root = fileSystem.root
            var opens: [any OpenFile] = []
            var handles: [NFSProtocol.FileHandle] = []
            for index in 0..<limit * 10 {
                let node = try root.make("\(index)")
                handles.append(node.handle)
                opens.append(try node.open(.both, .user(0)))
                try opens[index].write([UInt8(truncatingIfNeeded: index), 1])
                #expect(fileSystem.descriptorCount <= limit + 3)
            }
            for (index, open) in opens.enumerated() {
                #expect(try open.read(10) == ([UInt8(truncatingIfNeeded: index), 1], true))
                try open.commit(mayBlock: true)
                #expect(try fileSystem.node(for: handles[index], .root).attributes().size == 2)
                #expect(fileSystem.descriptorCount <= limit + 3)
            }
            opens = []
            #expect(try root.list().count == limit * 10)
            for handle in handles { #expect(try fileSystem.node(for: handle, .root).attributes().linkCount == 1) }
            #expect(fileSystem.descriptorCount <= limit + 3)
            fileSystem.descriptorLimit = limit / 2
            _ = try root.make("another")
            #expect(fileSystem.descriptorCount <= limit / 2 + 3)
            // What was closed has to be looked for.
            #expect(throws: NFSStatus.wouldBlock) {
                for handle in handles { _ = try fileSystem.node(for: handle, .rootAtOnce).attributes(.rootAtOnce) }
            }
        }
    }

    @Test(.enabled(if: isSuperuser, needsSuperuser)) func removedOpenFilesKeepTheirDescriptors() throws {
        try withLocalFileSystem(descriptorLimit: 40) { fileSystem, _ throws in
            let root = fileSystem.root
            var opens: [any OpenFile] = []
            for index in 0..<20 {
                opens.append(try root.make("open \(index)").open(.both, .root))
                try opens[index].write([UInt8(index)])
            }
            // Evicted before they are removed, some of them.
            for index in 0..<200 { try root.make("other \(index)") }
            for index in 0..<20 { _ = try root.remove(name("open \(index)"), .root) }
            for index in 0..<200 { _ = try root.find("other \(index)").open(.write, .root) }
            for (index, open) in opens.enumerated() {
                #expect(try open.read(10).bytes == [UInt8(index)])
                try open.write([9], at: 1)
                try open.commit(mayBlock: true)
            }
            opens = []
            for index in 0..<200 { _ = try root.remove(name("other \(index)"), .root) }
            // Nothing is left open of what is gone.
            #expect(fileSystem.descriptorCount <= 3)
        }
    }

    @Test func theStorageOfALargeRemovedFileIsFreedByAnotherThread() throws {
        try withLocalFileSystem { fileSystem, path throws in
            let root = fileSystem.root
            var open: (any OpenFile)? = try root.make("large").open(.both, .root)
            let chunk = [UInt8](repeating: 1, count: 1 << 20)
            for index in 0..<17 { try open?.write(chunk, at: UInt64(index << 20)) }
            _ = try root.remove(name("large"), .root)
            let before = fileSystem.descriptorCount
            open = nil
            for _ in 0..<10_000 where fileSystem.descriptorCount >= before { usleep(1000) }
            #expect(fileSystem.descriptorCount < before)
        }
    }

    @Test(.enabled(if: isSuperuser, needsSuperuser)) func nothingStaysOpenBehindIt() throws {
        try withLocalFileSystem { _, path throws in
            var fileSystem: LocalFileSystem? = try LocalFileSystem(path: path, durableMetadata: false, descriptorLimit: 100)
            weak let before = fileSystem
            let root = try #require(fileSystem).root
            try root.make("file")
            fileSystem = nil
            #expect(before == nil)
            // A node is good for as long as somebody has it.
            #expect(try root.names() == ["file"])
            #expect(try root.find("file").type == .regular)
        }
    }

    // MARK: Callers

    @Test(.enabled(if: isSuperuser, needsSuperuser)) func eachThreadActsAsItsOwnCaller() throws {
        try withLocalFileSystem { fileSystem, _ throws in
            let root = fileSystem.root
            try root.setAttributes(AttributeChanges(mode: 0o777), .root)
            let failures = Mutex<[String]>([])
            let running = DispatchGroup()
            for number in 0..<6 {
                running.enter()
                let thread = Thread {
                    defer { running.leave() }
                    var generator = SeededGenerator(seed: UInt64(number))
                    for index in 0..<100 {
                        // Two callers on each thread, in no regular order, and calls of the server in between.
                        let id = UInt32(1000 + number * 2 + Int.random(in: 0...1, using: &generator))
                        let caller = Caller.user(id, groups: [id + 5000])
                        do {
                            let node = try root.make("\(number) \(index)", .regular, mode: 0o600, caller)
                            let attributes = try node.attributes()
                            if (attributes.owner, attributes.group) != (id, id) { throw NFSStatus.serverfault }
                            try node.setAttributes(AttributeChanges(group: id + 5000), caller)
                            let stranger = Caller.user(id + 100)
                            if try node.access(.all, stranger) != [] { throw NFSStatus.wrongCred }
                            _ = try node.open(.both, caller)
                            if index % 7 == 0 { LocalFileSystem.actAsSuperuser() }
                        } catch {
                            failures.withLock { $0.append("thread \(number), file \(index): \(error)") }
                        }
                    }
                }
                thread.start()
            }
            running.wait()
            #expect(failures.withLock { $0 } == [])
            #expect(try root.list().count == 600)
        }
    }

    @Test(.enabled(if: isSuperuser, needsSuperuser)) func nobodyCannotBeActedAs() throws {
        try withLocalFileSystem { fileSystem, _ throws in
            try fileSystem.root.setAttributes(AttributeChanges(mode: 0o777), .root)
            for credentials in [Credentials(uid: .max, gid: 1), Credentials(uid: 1, gid: .max)] {
                #expect(throws: NFSStatus.access) { try fileSystem.root.make("x", .regular, Caller(credentials, mayBlock: true)) }
            }
            let many = Caller.user(1000, groups: (0..<200).map { 3000 + $0 })
            let directory = try fileSystem.root.create(
                name("theirs"), .directory, AttributeChanges(mode: 0o070, owner: 1, group: 3199), .root
            ).node
            try directory.make("x", .regular, many)
            #expect(throws: NFSStatus.access) { try directory.make("y", .regular, .user(1000, groups: [3198])) }
        }
    }
}
