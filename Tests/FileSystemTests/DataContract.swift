import FileSystem
import NFSProtocol
import Testing

/// What every file system does with data.
@Suite struct DataContract {
    @Test(arguments: Kind.allCases) func readsWhatWasWritten(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let file = try fileSystem.root.make("file")
            let open = try file.open(.both, .root)
            #expect(try open.read(10) == ([], true))
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            #expect(try open.write(bytes, at: 10) == bytes.count)
            #expect(try open.read(10) == ([UInt8](repeating: 0, count: 10), false))
            #expect(try open.read(bytes.count, at: 10) == (bytes, true))
            #expect(try open.read(bytes.count - 1, at: 10) == (Array(bytes.dropLast()), false))
            #expect(try open.read(bytes.count, at: 11) == (Array(bytes.dropFirst()), true))
            #expect(try open.read(10, at: 1 << 40) == ([], true))
            #expect(try open.read(10, at: .max) == ([], true))
            #expect(try open.read(0, at: 0) == ([], false))
            try open.commit(mayBlock: true)
            #expect(try open.write([7, 8, 9], at: 0) == 3)
            #expect(try open.read(3).bytes == [7, 8, 9])
            #expect(try open.write([]) == 0)
            #expect(throws: NFSStatus.fbig) { try open.write([1], at: .max) }
            #expect(throws: NFSStatus.fbig) { try open.write([1], at: UInt64(Int64.max)) }
            try open.truncate(to: 2, mayBlock: true)
            #expect(try open.read(10) == ([7, 8], true))
            try open.truncate(to: 4, mayBlock: true)
            #expect(try open.read(10) == ([7, 8, 0, 0], true))
            #expect(throws: NFSStatus.fbig) { try open.truncate(to: .max, mayBlock: true) }
        }
    }

    @Test(arguments: Kind.allCases) func opensRegularFilesAlone(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            #expect(throws: NFSStatus.isdir) { try root.open(.read, .root) }
            #expect(throws: NFSStatus.symlink) { try root.make("link", .symbolicLink(target: [65])).open(.read, .root) }
            #expect(throws: NFSStatus.wrongType) { try root.make("fifo", .fifo).open(.read, .root) }
            #expect(throws: NFSStatus.wrongType) { try root.make("socket", .socket).openGranted(.write, .root) }
        }
    }

    @Test(arguments: Kind.allCases) func anOpenFileOutlivesItsNames(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let root = fileSystem.root
            for replaces in [false, true] {
                var open: (any OpenFile)? = try root.make("file").open(.both, .root)
                let handle = try root.find("file").handle
                try open?.write(Array("kept".utf8))
                if replaces {
                    try root.make("other")
                    _ = try root.rename(name("other"), to: root, as: name("file"), .root)
                } else {
                    _ = try root.remove(name("file"), .root)
                }
                #expect(try open?.read(10).bytes == Array("kept".utf8))
                try open?.write(Array("changed".utf8))
                try open?.commit(mayBlock: true)
                let node = try fileSystem.node(for: handle, .root)
                #expect(try node.attributes().linkCount == 0)
                #expect(try node.attributes().size == 7)
                open = nil
                #expect(throws: NFSStatus.stale) { try fileSystem.node(for: handle, .root) }
            }
        }
    }

    @Test(.enabled(if: isSuperuser, needsSuperuser), arguments: Kind.allCases) func writingTakesAwaySetUserID(_ kind: Kind) throws {
        try withFileSystem(kind) { fileSystem throws in
            let file = try fileSystem.root.make("file", mode: 0o6777)
            try file.open(.write, .root).write([1])
            #expect(try file.attributes().mode == 0o6777)
            try file.open(.write, .user(1000)).write([1])
            #expect(try file.attributes().mode == 0o777)
        }
    }
}
