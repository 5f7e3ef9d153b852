import FileSystem
import NFSProtocol
import Testing

/// Who may do what, on every file system.
@Suite(.enabled(if: isSuperuser, needsSuperuser)) struct PermissionContract {
    private let owner = Caller.user(1000)
    private let member = Caller.user(1001, groups: [5, 2000, 7])
    private let other = Caller.user(1002)

    /// A file of `owner` and the group of `member`.
    private func withFile(_ kind: Kind, mode: UInt32, type: NewObject = .regular, _ body: (any FileSystem, any Node) throws -> Void) throws
    {
        try withFileSystem(kind) { fileSystem throws in
            let changes = AttributeChanges(mode: mode, owner: 1000, group: 2000)
            try body(fileSystem, try fileSystem.root.create(name("file"), type, changes, .root).node)
        }
    }

    @Test(arguments: Kind.allCases) func tellsAccessToFiles(_ kind: Kind) throws {
        try withFile(kind, mode: 0o751) { _, file throws in
            #expect(try file.access(.all, .root) == [.read, .modify, .extend, .execute])
            #expect(try file.access(.all, owner) == [.read, .modify, .extend, .execute])
            #expect(try file.access(.all, member) == [.read, .execute])
            #expect(try file.access(.all, other) == [.execute])
            #expect(try file.access([.read, .modify], member) == [.read])
            try file.setAttributes(AttributeChanges(mode: 0o600), owner)
            #expect(try file.access(.all, .root) == [.read, .modify, .extend])
            #expect(try file.access(.all, other) == [])
        }
    }

    @Test(arguments: Kind.allCases) func tellsAccessToDirectories(_ kind: Kind) throws {
        try withFile(kind, mode: 0o751, type: .directory) { _, directory throws in
            #expect(try directory.access(.all, owner) == [.read, .lookup, .modify, .extend, .delete])
            #expect(try directory.access(.all, member) == [.read, .lookup])
            #expect(try directory.access(.all, other) == [.lookup])
        }
    }

    @Test(arguments: Kind.allCases) func checksOpens(_ kind: Kind) throws {
        try withFile(kind, mode: 0o640) { _, file throws in
            _ = try file.open(.both, owner)
            _ = try file.open(.read, member)
            #expect(throws: NFSStatus.access) { try file.open(.write, member) }
            #expect(throws: NFSStatus.access) { try file.open(.both, member) }
            #expect(throws: NFSStatus.access) { try file.open(.read, other) }
            // A right that was given stays.
            let open = try file.open(.both, owner)
            try file.setAttributes(AttributeChanges(mode: 0o400), .root)
            try open.write([1, 2])
            try open.truncate(to: 1, mayBlock: true)
            #expect(throws: NFSStatus.access) { try file.open(.write, owner) }
            #expect(throws: NFSStatus.access) { try file.setAttributes(AttributeChanges(size: 0), owner) }
            try file.openGranted(.write, owner).write([3])
            // What may be executed may be read.
            try file.setAttributes(AttributeChanges(mode: 0o711), .root)
            #expect(try file.open(.read, other).read(1).bytes == [3])
            #expect(throws: NFSStatus.access) { try file.open(.both, other) }
        }
    }

    @Test(arguments: Kind.allCases) func checksNames(_ kind: Kind) throws {
        try withFile(kind, mode: 0o750, type: .directory) { fileSystem, directory throws in
            let made = try directory.make("mine", .regular, owner)
            let attributes = try made.attributes()
            #expect((attributes.owner, attributes.group, attributes.mode) == (1000, 1000, 0o600))
            #expect(try directory.find("mine", member).handle == made.handle)
            #expect(try directory.names(member) == ["mine"])
            #expect(throws: NFSStatus.access) { try directory.find("mine", other) }
            #expect(throws: NFSStatus.access) { try directory.names(other) }
            #expect(throws: NFSStatus.access) { try directory.make("x", .regular, member) }
            #expect(throws: NFSStatus.access) { try directory.make("x", .directory, member) }
            // His own: Linux lets nobody link what is another's.
            let theirs = try fileSystem.root.create(name("theirs"), .regular, AttributeChanges(owner: 1001), .root).node
            #expect(throws: NFSStatus.access) { try directory.link(theirs, as: name("x"), member) }
            #expect(throws: NFSStatus.access) { try directory.remove(name("mine"), member) }
            #expect(throws: NFSStatus.access) { try directory.rename(name("mine"), to: directory, as: name("x"), member) }
            #expect(throws: NFSStatus.access) { try directory.parent(other) }
            #expect(try directory.names() == ["mine"])
        }
    }

    @Test(arguments: Kind.allCases) func aStickyDirectoryKeepsOthersFiles(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let directory = try fileSystem.root.make("shared", .directory, mode: 0o1777)
            try directory.make("mine", .regular, owner)
            #expect(throws: NFSStatus.access) { try directory.remove(name("mine"), other) }
            #expect(throws: NFSStatus.access) { try directory.rename(name("mine"), to: directory, as: name("x"), other) }
            _ = try directory.remove(name("mine"), owner)
        }
    }

    @Test(arguments: Kind.allCases) func checksAttributeChanges(_ kind: Kind) throws {
        try withFile(kind, mode: 0o666) { _, file throws in
            #expect(throws: NFSStatus.perm) { try file.setAttributes(AttributeChanges(mode: 0o777), other) }
            #expect(throws: NFSStatus.perm) { try file.setAttributes(AttributeChanges(owner: 1002), owner) }
            #expect(throws: NFSStatus.perm) { try file.setAttributes(AttributeChanges(group: 3000), owner) }
            try file.setAttributes(AttributeChanges(group: 3000), .user(1000, groups: [3000]))
            #expect(try file.attributes().group == 3000)
            // Who may write may say "now"; another time is the owner's to set.
            try file.setAttributes(AttributeChanges(accessTime: .now, modifyTime: .now), other)
            let time = AttributeChanges.Time.at(Timestamp(seconds: 1, nanoseconds: 0))
            #expect(throws: NFSStatus.perm) { try file.setAttributes(AttributeChanges(modifyTime: time), other) }
            try file.setAttributes(AttributeChanges(modifyTime: time), owner)
            try file.setAttributes(AttributeChanges(size: 3), other)
            #expect(try file.attributes().size == 3)
        }
    }

    @Test(arguments: Kind.allCases) func aFileThatCannotBeGivenAwayIsNotMade(_ kind: Kind) throws {
        try withFile(kind, mode: 0o777, type: .directory) { _, directory throws in
            for object in [NewObject.regular, .directory, .fifo, .symbolicLink(target: [65])] {
                #expect(throws: NFSStatus.perm) {
                    try directory.create(name("gift"), object, AttributeChanges(owner: 1), other)
                }
                #expect(try directory.names() == [])
            }
        }
    }

    /// As git makes its objects: written through the descriptor they were made with.
    @Test(arguments: Kind.allCases) func whoMakesAReadOnlyFileMayWriteIt(_ kind: Kind) throws {
        try withFile(kind, mode: 0o777, type: .directory) { _, directory throws in
            let made = try directory.create(name("object"), .regular, AttributeChanges(size: 9, mode: 0o444), owner).node
            #expect(try made.attributes().size == 9)
            try made.openGranted(.both, owner).write([1])
            #expect(throws: NFSStatus.access) { try made.open(.write, owner) }
        }
    }
}
