import FileSystem
import Foundation
import LocalFileSystem
import NFSProtocol
import Testing

/// NFSv4 access control lists on a file system with POSIX ones (RFC 8881 §6).
@Suite(.enabled(if: isSuperuser, needsSuperuser)) struct AccessControlListTests {
    private typealias Entry = AccessControlEntry
    private static let write: Entry.Rights = [.writeData, .appendData]
    private static let everybodys: Entry.Rights = [.readAttributes, .readACL, .synchronize]
    private static let owners: Entry.Rights = [.writeAttributes, .writeACL, .writeOwner]
    private static let inherit: Entry.Flags = [.fileInherit, .directoryInherit, .inheritOnly]

    /// A file of user 1000 and group 2000.
    private func withFile(_ object: NewObject = .regular, mode: UInt32 = 0o640, _ body: (any Node, _ path: String) throws -> Void) throws {
        try withLocalFileSystem { fileSystem, path throws in
            guard fileSystem.root.fileSystemFeatures.contains(.accessControlLists) else { return }
            let changes = AttributeChanges(mode: mode, owner: 1000, group: 2000)
            try body(try fileSystem.root.create(name("file"), object, changes, .root).node, "\(path)/file")
        }
    }

    private func set(_ entries: [Entry], _ node: any Node, _ caller: Caller = .root) throws {
        try node.setAttributes(AttributeChanges(acl: entries), caller)
    }

    @Test(arguments: [0o640, 0o604, 0o077, 0o000, 0o777, 0o461] as [UInt32]) func aModeAndItsListSayTheSame(_ mode: UInt32) throws {
        try withFile(mode: mode) { file, _ throws in
            let acl = try file.accessControlList(.root)
            #expect(Self.mode(of: acl) == mode)
            try file.setAttributes(AttributeChanges(mode: 0o123), .root)
            try set(acl, file)
            #expect(try file.attributes().mode == mode)
            #expect(try file.accessControlList(.root) == acl)
        }
    }

    /// The mode a list stands for, as §6.3.2 computes it.
    private static func mode(of acl: [Entry]) -> UInt32 {
        [Entry.Who.owner, .owningGroup, .everyone].reduce(0) { mode, who in
            var (allowed, denied): (Entry.Rights, Entry.Rights) = ([], [])
            for entry in acl where entry.who == who || entry.who == .everyone {
                if entry.effect == .allow {
                    allowed.formUnion(entry.rights.subtracting(denied))
                } else {
                    denied.formUnion(entry.rights.subtracting(allowed))
                }
            }
            let bits: UInt32 =
                (allowed.contains(.readData) ? 4 : 0) | (allowed.isSuperset(of: write) ? 2 : 0) | (allowed.contains(.execute) ? 1 : 0)
            return mode << 3 | bits
        }
    }

    @Test func namedUsersAndGroupsAreKept() throws {
        try withFile { file, _ throws in
            try set(
                [
                    Entry(.allow, .owner, [.readData, .writeData, .appendData]), Entry(.allow, .user(3000), .readData),
                    Entry(.allow, .owningGroup, []), Entry(.allow, .group(4000), [.readData, .execute]), Entry(.allow, .everyone, []),
                ], file)
            #expect(try file.attributes().mode == 0o650)
            #expect(try file.access(.all, .user(3000)) == .read)
            #expect(try file.access(.all, .user(3001, groups: [4000])) == [.read, .execute])
            #expect(try file.access(.all, .user(3001, groups: [2000])) == [])
            let acl = try file.accessControlList(.root)
            #expect(acl.contains(Entry(.allow, .user(3000), Self.everybodys.union(.readData))))
            try set(acl, file)
            #expect(try file.accessControlList(.root) == acl)
        }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/setfacl"), "needs setfacl: install acl"))
    func whatIsReadCanBeSetAgain() throws {
        try withFile(.directory) { directory, path throws in
            var generator = SeededGenerator(seed: 1)
            for _ in 0..<100 {
                func word() -> String { "rwx".map { Bool.random(using: &generator) ? String($0) : "-" }.joined() }
                var spec = "u::\(word()),g::\(word()),o::\(word()),d:u::\(word()),d:g::\(word()),d:o::\(word())"
                for id in 0..<Int.random(in: 0..<4, using: &generator) {
                    spec += ",u:\(3000 + id):\(word()),g:\(4000 + id):\(word()),d:u:\(5000 + id):\(word())"
                }
                LocalFileSystem.actAsSuperuser()
                try Image.run("/usr/bin/setfacl", ["-b", path])
                try Image.run("/usr/bin/setfacl", ["-m", spec, path])
                let acl = try directory.accessControlList(.root)
                try set(acl, directory)
                #expect(try directory.accessControlList(.root) == acl, "\(spec)")
            }
        }
    }

    @Test func nobodyGetsMoreThanTheListSays() throws {
        try withFile { file, _ throws in
            // A right to write but not to append cannot be told apart from both.
            try set([Entry(.allow, .everyone, [.readData, .writeData])], file)
            #expect(try file.attributes().mode == 0o444)
            // Who is denied first stays without, though all are allowed later.
            try set([Entry(.deny, .user(3000), .readData), Entry(.allow, .everyone, .readData)], file)
            #expect(try file.access(.read, .user(3000)) == [])
            #expect(try file.access(.read, .user(3001)) == .read)
            // A member of a denied group, whatever is said of him later.
            try set(
                [
                    Entry(.deny, .group(4000), .readData), Entry(.allow, .user(3000), .readData), Entry(.allow, .group(4001), .readData),
                    Entry(.allow, .everyone, .readData),
                ], file)
            #expect(try file.access(.read, .user(3000, groups: [4000])) == [])
            #expect(try file.access(.read, .user(3002, groups: [4001, 4000])) == [])
            #expect(try file.access(.read, .user(3002)) == .read)
            // The owner is denied by name too.
            try set([Entry(.deny, .user(1000), .readData), Entry(.allow, .owner, .readData)], file)
            #expect(try file.access(.read, .user(1000)) == [])
            try set([], file)
            #expect(try file.attributes().mode == 0)
        }
    }

    @Test func whatCannotBeKeptIsRefused() throws {
        try withFile { file, _ throws in
            let refused: [[Entry]] = [
                [Entry(.deny, .everyone, .readAttributes)], [Entry(.deny, .user(3000), .readACL)], [Entry(.deny, .owner, .writeACL)],
                [Entry(.deny, .everyone, .writeAttributes)], [Entry(.allow, .everyone, .readData, flags: .fileInherit)],
                [Entry(.allow, .everyone, .readData, flags: .inheritOnly)],
            ]
            for acl in refused { #expect(throws: NFSStatus.attrnotsupp, "\(acl)") { try set(acl, file) } }
            #expect(try file.attributes().mode == 0o640)
            // Denying what nobody has, or what there is nothing of, changes nothing.
            try set([Entry(.allow, .owner, .writeACL), Entry(.deny, .everyone, [.writeACL]), Entry(.allow, .everyone, .readData)], file)
        }
        try withFile(.directory) { directory, _ throws in
            for flags in [.fileInherit, .directoryInherit, [.fileInherit, .directoryInherit, .noPropagateInherit], .inheritOnly]
                as [Entry.Flags]
            {
                #expect(throws: NFSStatus.attrnotsupp) { try set([Entry(.allow, .everyone, .readData, flags: flags)], directory) }
            }
        }
        try withFile(.symbolicLink(target: [65])) { link, _ throws in
            #expect(throws: NFSStatus.attrnotsupp) { try set([], link) }
            #expect(try Self.mode(of: link.accessControlList(.root)) == 0o777)
        }
    }

    @Test func newFilesInheritFromTheirDirectory() throws {
        try withFile(.directory, mode: 0o777) { directory, _ throws in
            try set(
                [
                    Entry(.allow, .everyone, Self.write.union([.readData, .execute])),
                    Entry(.allow, .owner, Self.write.union(.readData), flags: Self.inherit),
                    Entry(.allow, .user(3000), .readData, flags: Self.inherit),
                ], directory)
            #expect(try directory.attributes().mode == 0o777)
            let file = try directory.make("new", mode: 0o666, .user(1000))
            #expect(try file.attributes().mode == 0o640)
            #expect(try file.access(.all, .user(3000)) == .read)
            #expect(try file.access(.all, .user(3001)) == [])
            let inner = try directory.make("inner", .directory, mode: 0o777, .user(1000))
            #expect(
                try inner.accessControlList(.root).filter { !$0.flags.isEmpty }
                    == directory.accessControlList(.root).filter { !$0.flags.isEmpty })
            // A list of its own takes the place of what is inherited (§6.4.3).
            let own = try directory.create(
                name("own"), .regular, AttributeChanges(acl: [Entry(.allow, .owner, .readData)]), .user(1000)
            ).node
            #expect(try own.attributes().mode == 0o400)
            #expect(try own.access(.all, .user(3000)) == [])
            try set([Entry(.allow, .everyone, Self.write.union([.readData, .execute]))], directory)
            #expect(try directory.make("free", mode: 0o666, .user(1000)).attributes().mode == 0o666)
        }
    }

    @Test func aModeChangesTheListAndItTheMode() throws {
        try withFile { file, _ throws in
            try set([Entry(.allow, .owner, .readData), Entry(.allow, .user(3000), Self.write.union(.readData))], file)
            try file.setAttributes(AttributeChanges(mode: 0o640), .root)
            #expect(try file.attributes().mode == 0o640)
            #expect(try file.access(.all, .user(3000)) == .read)
            // With nothing for the group Linux takes who is named for one of the others, and the list says so.
            try file.setAttributes(AttributeChanges(mode: 0o604), .root)
            #expect(try file.access(.all, .user(3000)) == .read)
            #expect(try Self.mode(of: file.accessControlList(.root)) == 0o604)
            #expect(try file.accessControlList(.root).allSatisfy { $0.who != .user(3000) })
            // Mode first, then the list; the three high bits stay (§6.4.1.3, §6.4.1.2).
            try file.setAttributes(AttributeChanges(mode: 0o4777, acl: [Entry(.allow, .owner, .readData)]), .root)
            #expect(try file.attributes().mode == 0o4400)
        }
    }

    @Test func onlyTheOwnerMaySetIt() throws {
        try withFile(mode: 0o666) { file, _ throws in
            #expect(throws: NFSStatus.perm) { try set([], file, .user(3000)) }
            #expect(throws: NFSStatus.wouldBlock) { try file.accessControlList(.rootAtOnce) }
            try set([Entry(.allow, .everyone, .readData)], file, .user(1000))
            #expect(try file.accessControlList(.user(3000)).last == Entry(.allow, .everyone, Self.everybodys.union(.readData)))
        }
    }
}
