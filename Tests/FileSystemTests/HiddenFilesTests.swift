import FileSystem
import Foundation
import LocalFileSystem
import NFSProtocol
import Testing

@Suite("The server's own files on an exported file system")
struct HiddenFilesTests {
    /// Runs `body` with the directory exported before and after its server's files were hidden, and one export of each: of the
    /// directory, and of the one it is in.
    private func withExports(_ body: (_ before: LocalFileSystem, _ export: LocalFileSystem, _ outer: LocalFileSystem) throws -> Void) throws
    {
        try withLocalFileSystem { before, path throws in
            let parent = URL(fileURLWithPath: path).appendingPathComponent("inner").path
            try FileManager.default.createDirectory(atPath: "\(parent)/.remuda", withIntermediateDirectories: true)
            try Data("record".utf8).write(to: URL(fileURLWithPath: "\(parent)/.remuda/journal"))
            let hidden = HiddenFiles()
            hidden.hide(in: parent)
            let made = hidden.hiding { open("\(parent)/.remuda/new", O_RDWR | O_CREAT, 0o600) }
            #expect(made >= 0)
            close(made)
            try body(
                before, LocalFileSystem(path: parent, durableMetadata: false, descriptorLimit: 100, hidden: hidden),
                LocalFileSystem(path: path, durableMetadata: false, descriptorLimit: 100, hidden: hidden))
        }
    }

    @Test("cannot be reached by a handle, however a client came by it", .enabled(if: isSuperuser, needsSuperuser))
    func handles() throws {
        try withExports { before, export, outer throws in
            let directory = try before.root.find("inner").find(".remuda")
            for handle in try [directory.handle, directory.find("journal").handle, directory.find("new").handle] {
                #expect(throws: NFSStatus.stale) { try export.node(for: handle, .root) }
                #expect(throws: NFSStatus.stale) { try outer.node(for: handle, .root) }
            }
            #expect(throws: Never.self) { try outer.node(for: export.root.handle, .root) }
        }
    }

    @Test("cannot be seen, taken or replaced by name, through this export or one above")
    func names() throws {
        try withExports { _, export, outer throws in
            for root in [export.root, try outer.root.find("inner")] {
                let file = try root.make("file")
                #expect(try root.list().map(\.name) == ["file"])
                #expect(throws: NFSStatus.noent) { try root.find(".remuda") }
                #expect(throws: NFSStatus.noent) { try root.glimpse(".remuda") }
                #expect(throws: NFSStatus.noent) { try root.remove(name(".remuda"), .root) }
                #expect(throws: NFSStatus.noent) { try root.rename(name(".remuda"), to: root, as: name("taken"), .root) }
                #expect(throws: NFSStatus.badname) { try root.rename(name("file"), to: root, as: name(".remuda"), .root) }
                #expect(throws: NFSStatus.badname) { try root.link(file, as: name(".remuda"), .root) }
                #expect(throws: NFSStatus.badname) { try root.make(".remuda", .directory) }
                _ = try root.remove(name("file"), .root)
            }
            // Where no export begins it is a name like others.
            try outer.root.find("inner").make("plain", .directory).make(".remuda")
            #expect(try export.root.find("plain").list().map(\.name) == [".remuda"])
        }
    }
}
