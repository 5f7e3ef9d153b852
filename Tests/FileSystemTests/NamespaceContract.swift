import FileSystem
import NFSProtocol
import Testing

/// What every file system does with names.
@Suite struct NamespaceContract {
    @Test(arguments: Kind.allCases) func makesEveryTypeOfFile(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            let objects: [(String, NewObject, FileType)] = [
                ("regular", .regular, .regular), ("directory", .directory, .directory), ("fifo", .fifo, .fifo),
                ("socket", .socket, .socket),
                ("link", .symbolicLink(target: Array("some/where".utf8)), .symbolicLink),
            ]
            for (text, object, type) in objects {
                let node = try root.make(text, object, mode: 0o640)
                #expect(node.type == type)
                let attributes = try root.find(text).attributes()
                #expect(attributes.type == type)
                #expect(attributes.mode == (type == .symbolicLink ? 0o777 : 0o640))
                #expect(attributes.linkCount == (type == .directory ? 2 : 1))
            }
            #expect(try root.find("link").symbolicLinkTarget(.root) == Array("some/where".utf8))
            #expect(throws: NFSStatus.inval) { try root.find("regular").symbolicLinkTarget(.root) }
            #expect(try root.names() == objects.map(\.0).sorted())
            #expect(throws: NFSStatus.symlink) { try root.find("link").lookup(name("x"), .root) }
            #expect(throws: NFSStatus.notdir) { try root.find("fifo").lookup(name("x"), .root) }
        }
    }

    @Test(.enabled(if: isSuperuser, needsSuperuser), arguments: Kind.allCases) func makesDevicesForTheSuperuser(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            try root.setAttributes(AttributeChanges(mode: 0o777), .root)
            let node = try root.make("null", .characterDevice(DeviceNumber(major: 1, minor: 3)))
            #expect(node.type == .characterDevice)
            #expect(try node.attributes().device == DeviceNumber(major: 1, minor: 3))
            #expect(try root.make("loop", .blockDevice(DeviceNumber(major: 7, minor: 0))).attributes().type == .blockDevice)
            #expect(throws: NFSStatus.perm) { try root.make("mine", .characterDevice(DeviceNumber(major: 1, minor: 3)), .user(1000)) }
        }
    }

    @Test(arguments: Kind.allCases) func refusesWhatIsThereAndWhatIsNot(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            try root.make("file")
            try root.make("directory", .directory).make("inside")
            #expect(throws: NFSStatus.exist) { try root.make("file") }
            #expect(throws: NFSStatus.exist) { try root.make("directory", .directory) }
            #expect(throws: NFSStatus.exist) { try root.make("file", .symbolicLink(target: [65])) }
            #expect(throws: NFSStatus.noent) { try root.find("nothing") }
            #expect(throws: NFSStatus.noent) { try root.remove(name("nothing"), .root) }
            #expect(throws: NFSStatus.noent) { try root.rename(name("nothing"), to: root, as: name("x"), .root) }
            #expect(throws: NFSStatus.notempty) { try root.remove(name("directory"), .root) }
            #expect(throws: NFSStatus.notdir) { try root.find("file").make("x") }
            #expect(throws: NFSStatus.inval) { try root.create(name("x"), .directory, AttributeChanges(size: 1), .root) }
            #expect(throws: NFSStatus.inval) { try root.make("x", .symbolicLink(target: [])) }
            #expect(throws: NFSStatus.inval) { try root.make("x", .symbolicLink(target: [65, 0, 66])) }
            #expect(throws: NFSStatus.nametoolong) { try root.make("x", .symbolicLink(target: Array(repeating: 65, count: 4096))) }
            #expect(try root.names() == ["directory", "file"])
        }
    }

    @Test(arguments: Kind.allCases) func leavesNothingOfAFailedCreate(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            #expect(throws: NFSStatus.fbig) { try root.create(name("big"), .regular, AttributeChanges(size: .max), .root) }
            #expect(try root.names() == [])
        }
    }

    @Test(arguments: Kind.allCases) func removesFilesAndDirectories(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            for (text, object) in [("file", NewObject.regular), ("directory", .directory), ("link", .symbolicLink(target: [65]))] {
                let node = try root.make(text, object)
                let handle = node.handle
                let before = try root.attributes().change
                let change = try root.remove(name(text), .root)
                #expect(change.before == before)
                #expect(change.after == (try root.attributes().change))
                #expect(change.after != change.before)
                #expect(throws: NFSStatus.noent) { try root.find(text) }
                #expect(throws: NFSStatus.stale) { try fileSystem.node(for: handle, .root) }
            }
        }
    }

    @Test(arguments: Kind.allCases) func linksAFileUnderMoreNames(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            let file = try root.make("first")
            let directory = try root.make("directory", .directory)
            let before = try file.attributes().change
            let change = try directory.link(file, as: name("second"), .root)
            #expect(change.before != change.after)
            #expect(try directory.find("second").handle == file.handle)
            #expect(try file.attributes().linkCount == 2)
            #expect(try file.attributes().change != before)
            #expect(throws: NFSStatus.exist) { try root.link(file, as: name("directory"), .root) }
            #expect(throws: NFSStatus.isdir) { try root.link(directory, as: name("third"), .root) }
            _ = try root.remove(name("first"), .root)
            #expect(try fileSystem.node(for: file.handle, .root).attributes().linkCount == 1)
        }
    }

    @Test(arguments: Kind.allCases) func renamesWithinAndAcrossDirectories(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            let file = try root.make("file")
            let directory = try root.make("directory", .directory)
            var changes = try root.rename(name("file"), to: root, as: name("other"), .root)
            #expect(changes.source == changes.target)
            #expect(try root.find("other").handle == file.handle)
            changes = try root.rename(name("other"), to: directory, as: name("inside"), .root)
            #expect(changes.source.after == (try root.attributes().change))
            #expect(changes.target.after == (try directory.attributes().change))
            #expect(try directory.find("inside").handle == file.handle)
            #expect(try root.names() == ["directory"])

            let above = try root.make("above", .directory)
            _ = try root.rename(name("directory"), to: above, as: name("moved"), .root)
            #expect(try directory.parent(.root)?.handle == above.handle)
            #expect(try above.attributes().linkCount == 3)
            #expect(throws: NFSStatus.inval) { try root.rename(name("above"), to: directory, as: name("x"), .root) }
        }
    }

    /// RFC 8881 §18.26.3.
    @Test(arguments: Kind.allCases) func renameReplacesOnlyWhatIsCompatible(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            let file = try root.make("file")
            let replaced = try root.make("replaced")
            let directory = try root.make("directory", .directory)
            let empty = try root.make("empty", .directory)
            let full = try root.make("full", .directory)
            try full.make("inside")
            #expect(throws: NFSStatus.exist) { try root.rename(name("file"), to: root, as: name("empty"), .root) }
            #expect(throws: NFSStatus.exist) { try root.rename(name("directory"), to: root, as: name("file"), .root) }
            #expect(throws: NFSStatus.exist) { try root.rename(name("directory"), to: root, as: name("full"), .root) }
            _ = try root.rename(name("directory"), to: root, as: name("empty"), .root)
            #expect(try root.find("empty").handle == directory.handle)
            #expect(throws: NFSStatus.stale) { try fileSystem.node(for: empty.handle, .root) }
            _ = try root.rename(name("file"), to: root, as: name("replaced"), .root)
            #expect(try root.find("replaced").handle == file.handle)
            #expect(throws: NFSStatus.stale) { try fileSystem.node(for: replaced.handle, .root) }
            #expect(try root.names() == ["empty", "full", "replaced"])
        }
    }

    @Test(arguments: Kind.allCases) func renameOntoAnotherNameOfTheSameFileKeepsBoth(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            let file = try root.make("one")
            let directory = try root.make("directory", .directory)
            _ = try root.link(file, as: name("two"), .root)
            let before = try root.attributes().change
            for (from, to) in [("one", "two"), ("directory", "directory"), ("two", "two")] {
                let changes = try root.rename(name(from), to: root, as: name(to), .root)
                #expect((changes.source.before, changes.source.after) == (before, before))
                #expect(changes.target == changes.source)
            }
            #expect(try root.attributes().change == before)
            #expect(try root.names() == ["directory", "one", "two"])
            #expect(try file.attributes().linkCount == 2)
            #expect(try directory.names() == [])
        }
    }

    @Test(arguments: Kind.allCases) func theRootHasNoParent(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            let inner = try root.make("outer", .directory).make("inner", .directory)
            #expect(try root.parent(.root) == nil)
            #expect(try fileSystem.node(for: root.handle, .root).parent(.root) == nil)
            let outer = try #require(try inner.parent(.root))
            #expect(outer.handle == (try root.find("outer").handle))
            #expect(try outer.parent(.root) === root)
            #expect(throws: NFSStatus.notdir) { try root.make("file").parent(.root) }
        }
    }

    @Test(arguments: Kind.allCases) func takesNamesOfAnyBytes(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let names = [String(repeating: "n", count: 255), "…\u{1F40E}ß", "...", " ", "a\nb", "-rf"]
            for text in names { try fileSystem.root.make(text) }
            #expect(try fileSystem.root.names() == names.sorted())
            let notUnicode = try FileName(validating: ([0xff, 0xfe, 0x80] as [UInt8]).span.bytes)
            _ = try fileSystem.root.create(notUnicode, .regular, AttributeChanges(), .root)
            #expect(try fileSystem.root.lookup(notUnicode, .root).type == .regular)
        }
    }

    @Test(arguments: Kind.allCases) func refusesFilesOfAnotherFileSystem(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            try withFileSystem(kind == .memory ? .local : .memory) { other in
                let strange = try other.root.make("file")
                try fileSystem.root.make("mine")
                #expect(throws: NFSStatus.xdev) { try fileSystem.root.link(strange, as: name("x"), .root) }
                #expect(throws: NFSStatus.xdev) { try fileSystem.root.rename(name("mine"), to: other.root, as: name("x"), .root) }
                #expect(throws: NFSStatus.badhandle) { try fileSystem.node(for: strange.handle, .root) }
            }
        }
    }

    @Test(arguments: Kind.allCases) func refusesHandlesItNeverMade(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            var generator = SeededGenerator(seed: 5)
            let good = try fileSystem.root.make("file").handle
            let bytes = good.withBytes { span in span.withUnsafeBytes { [UInt8]($0) } }
            for _ in 0..<2000 {
                var forged = bytes
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    forged[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                }
                if Bool.random(using: &generator) { forged.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
                guard forged != bytes, let handle = FileHandle(forged.span.bytes) else { continue }
                do throws(NFSStatus) {
                    // A guess may hit another file; it is to be exactly the one the handle names.
                    #expect(try fileSystem.node(for: handle, .root).handle == handle)
                } catch {
                    #expect(error == .badhandle || error == .stale)
                }
            }
            let empty = FileHandle([UInt8]().span.bytes)
            #expect(throws: NFSStatus.badhandle) { try fileSystem.node(for: #require(empty), .root) }
        }
    }

    @Test(arguments: Kind.allCases) func tellsHowFullItIs(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let statistics = try fileSystem.statistics(.root)
            #expect(statistics.bytesTotal >= statistics.bytesFree && statistics.bytesFree >= statistics.bytesAvailable)
            #expect(statistics.bytesTotal > 0 && statistics.filesTotal > 0)
            #expect(statistics.maximumFileSize > 1 << 20)
            #expect(statistics.maximumLinks > 1 && statistics.maximumNameLength == 255)
        }
    }
}
