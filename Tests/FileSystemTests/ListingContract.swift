import FileSystem
import Foundation
import NFSProtocol
import Testing

/// How every file system lists directories.
@Suite struct ListingContract {
    @Test(arguments: [Kind.local, .memory]) func goesOnBehindEveryCookie(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            let texts = (0..<300).map { "entry \($0)" }
            for text in texts { try root.make(text, .fifo) }
            let whole = try root.list()
            #expect(Set(whole.map(\.name)) == Set(texts))
            #expect(whole.count == texts.count)
            #expect(whole.allSatisfy { $0.cookie > 2 })
            #expect(Set(whole.map(\.cookie)).count == texts.count)
            for batch in [1, 7, 299, 300] {
                #expect(try root.list(batch: batch).map(\.name) == whole.map(\.name))
            }
            let middle = whole[150].cookie
            var (next, fileID) = ("", UInt64(0))
            _ = try root.entries(after: middle, .root) { entry, _ throws(NFSStatus) in
                next = entry.name.text
                fileID = entry.fileID
                return false
            }
            #expect(next == whole[151].name)
            #expect(try root.find(next).attributes().fileID == fileID)
            #expect(try root.entries(after: whole[299].cookie, .root) { _, _ throws(NFSStatus) in true })
            let empty = try root.make("empty", .directory)
            #expect(try empty.list().isEmpty)
            #expect(throws: NFSStatus.notdir) { try root.find("entry 0").list() }
        }
    }

    @Test(arguments: [Kind.local, .memory]) func listsEachEntryOnceWhileOthersComeAndGo(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let directory = try fileSystem.root.make("large", .directory)
            // Who is not the superuser cannot close a file's descriptor and open it again.
            let staying = (0..<(isSuperuser ? 20_000 : 2_000)).map { "stays \($0)" }
            for text in staying { try directory.make(text) }
            for index in 0..<200 { try directory.make("goes \(index)") }
            var step = 0
            let listed = try directory.list(batch: isSuperuser ? 150 : 15) {
                try directory.make("comes \(step)")
                _ = try directory.remove(name("goes \(step)"), .root)
                step += 1
            }
            #expect(step > 100)
            let stayed = listed.map(\.name).filter { $0.hasPrefix("stays") }
            #expect(stayed.count == staying.count)
            #expect(Set(stayed) == Set(staying))
            let others = listed.map(\.name).filter { !$0.hasPrefix("stays") }
            #expect(Set(others).count == others.count)
        }
    }

    @Test(arguments: [Kind.local, .memory]) func aGlimpseIsWhatALookupFinds(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            let objects: [NewObject] = [.regular, .directory, .fifo, .symbolicLink(target: [65])]
            for (index, object) in objects.enumerated() { try root.make("\(index)", object) }
            let open = try root.make("open").open(.write, .root)
            // Also when what was made is no news any more.
            for pause in [0, 30_000] {
                usleep(UInt32(pause))
                for text in try root.names() {
                    let ((glimpse, seen), found) = (try root.glimpse(text), try root.find(text))
                    #expect(glimpse.handle == found.handle && glimpse.type == found.type)
                    let attributes = try found.attributes()
                    #expect((seen.fileID, seen.change, seen.mode) == (attributes.fileID, attributes.change, attributes.mode))
                    #expect((seen.size, seen.linkCount) == (attributes.size, attributes.linkCount))
                }
                try open.write([1, 2, 3], at: UInt64(pause))
            }
            #expect(try root.glimpse("open").attributes.size == 30_003)
            #expect(throws: NFSStatus.noent) { try root.glimpse("nothing") }
            #expect(throws: NFSStatus.notdir) { try root.find("0").glimpse("x") }
        }
    }

    @Test(.enabled(if: isSuperuser, needsSuperuser)) func glimpsesTakeNoDescriptors() throws {
        try withLocalFileSystem(descriptorLimit: 40) { fileSystem, path throws in
            for index in 0..<100 { try Data().write(to: URL(fileURLWithPath: "\(path)/\(index)")) }
            usleep(30_000)
            _ = try fileSystem.root.names()
            let before = fileSystem.descriptorCount
            for index in 0..<100 { #expect(try fileSystem.root.glimpse("\(index)").attributes.size == 0) }
            #expect(fileSystem.descriptorCount == before)
            #expect(throws: NFSStatus.access) {
                try fileSystem.root.setAttributes(AttributeChanges(mode: 0o744), .root)
                _ = try fileSystem.root.glimpse("1", .user(1000))
            }
        }
    }

    @Test(arguments: [Kind.local, .memory]) func passesOnWhatStopsAListing(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            try fileSystem.root.make("file")
            #expect(throws: NFSStatus.toosmall) {
                try fileSystem.root.entries(after: 0, .root) { _, _ throws(NFSStatus) in throw .toosmall }
            }
            #expect(try fileSystem.root.names() == ["file"])
        }
    }
}
