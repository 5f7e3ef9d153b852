import FileSystem
import NFSProtocol
import Testing

/// What every file system does with attributes.
@Suite struct AttributeContract {
    @Test(arguments: Kind.allCases) func setsSizeModeAndTimes(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let file = try fileSystem.root.make("file", mode: 0o600)
            let accessed = Timestamp(seconds: 1_000_000_000, nanoseconds: 123_456_789)
            let modified = Timestamp(seconds: 1_500_000_000, nanoseconds: 999_999_999)
            try file.setAttributes(
                AttributeChanges(size: 5000, mode: 0o4755, accessTime: .at(accessed), modifyTime: .at(modified)), .root)
            var attributes = try file.attributes()
            #expect(attributes.size == 5000)
            #expect(attributes.mode == 0o4755)
            #expect(attributes.accessTime == accessed)
            #expect(attributes.modifyTime == modified)
            #expect(attributes.metadataTime.seconds > modified.seconds)
            try file.setAttributes(AttributeChanges(modifyTime: .now), .root)
            attributes = try file.attributes()
            #expect(attributes.accessTime == accessed)
            #expect(attributes.modifyTime.seconds > modified.seconds)
            try file.setAttributes(AttributeChanges(), .root)
            #expect(try file.attributes().change == attributes.change)
        }
    }

    @Test(.enabled(if: isSuperuser, needsSuperuser), arguments: Kind.allCases) func setsOwners(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let link = try fileSystem.root.make("link", .symbolicLink(target: [65]))
            try link.setAttributes(AttributeChanges(owner: 1000, group: 2000), .root)
            #expect(try link.attributes().owner == 1000)
            #expect(try link.attributes().group == 2000)
            let made = try fileSystem.root.create(
                name("made"), .regular, AttributeChanges(size: 7, mode: 0o6755, owner: 1000, group: 2000), .root)
            let attributes = try made.node.attributes()
            #expect((attributes.owner, attributes.group, attributes.mode, attributes.size) == (1000, 2000, 0o6755, 7))
            let directory = try fileSystem.root.make("directory", .directory, mode: 0o3777)
            #expect(try directory.attributes().mode == 0o3777)
            try directory.setAttributes(AttributeChanges(group: 2000), .root)
            let inner = try directory.make("inner", .directory, mode: 0o755, .user(1000)).attributes()
            #expect((inner.owner, inner.group, inner.mode) == (1000, 2000, 0o2755))
        }
    }

    @Test(arguments: Kind.allCases) func refusesASizeForWhatHasNone(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            #expect(throws: NFSStatus.wrongType) { try root.setAttributes(AttributeChanges(size: 0), .root) }
            #expect(throws: NFSStatus.wrongType) { try root.make("fifo", .fifo).setAttributes(AttributeChanges(size: 0), .root) }
            let link = try root.make("link", .symbolicLink(target: [65]))
            #expect(throws: NFSStatus.wrongType) { try link.setAttributes(AttributeChanges(size: 0), .root) }
            try link.setAttributes(AttributeChanges(mode: 0o600, modifyTime: .at(Timestamp(seconds: 7, nanoseconds: 0))), .root)
            #expect(try link.attributes().modifyTime.seconds == 7)
            #expect(throws: NFSStatus.fbig) { try root.make("file").setAttributes(AttributeChanges(size: .max), .root) }
        }
    }

    /// However fast one change follows another.
    @Test(arguments: Kind.allCases) func theChangeAttributeMovesWithEveryChange(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            let file = try root.make("file")
            let open = try file.open(.both, .root)
            var seen: Set<UInt64> = [try file.attributes().change]
            let steps: [() throws -> Void] = [
                { try open.write([1]) }, { try open.write([2]) }, { try open.writeDurably([3], at: 9) },
                { try file.setAttributes(AttributeChanges(mode: 0o600), .root) },
                { try file.setAttributes(AttributeChanges(mode: 0o600), .root) }, { try open.truncate(to: 3, mayBlock: true) },
                { _ = try root.link(file, as: name("second"), .root) }, { _ = try root.remove(name("second"), .root) },
                { _ = try root.rename(name("file"), to: root, as: name("renamed"), .root) },
            ]
            for (index, step) in steps.enumerated() {
                try step()
                #expect(seen.insert(try file.attributes().change).inserted, "after step \(index)")
            }
            _ = try open.read(3)
            #expect(seen.contains(try file.attributes().change))

            var changes: Set<UInt64> = []
            for index in 0..<50 {
                let change = try root.create(name("\(index)"), .regular, AttributeChanges(), .root).change
                #expect(change.before != change.after)
                #expect(changes.insert(change.after).inserted)
            }
        }
    }
}
