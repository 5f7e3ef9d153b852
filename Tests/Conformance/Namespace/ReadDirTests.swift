import ConformanceRecord
import NFSTestClient
import Testing

@Suite("READDIR (RFC 8881 §18.23)", .covers(.readDir))
struct ReadDirTests {
    /// Makes many entries quickly: symbolic links, a few dozen in each compound.
    private func fill(_ session: TestSession, _ directory: FileHandle, _ names: [String]) async throws {
        for start in stride(from: 0, to: names.count, by: 24) {
            let creations = names[start..<min(start + 24, names.count)].flatMap { name in
                [Operation.putFH(directory), .create(.symlink(to: "x"), name)]
            }
            try await session.compound(creations).succeeded()
        }
    }

    @Test("an empty directory has no entries: . and .. are not shown")
    func empty() async throws {
        let (session, directory) = try await newDirectory()
        let page = try await session.run(.putFH(directory), .readDir()).entries
        #expect(page.entries.isEmpty)
        #expect(page.eof)
    }

    @Test("several thousand entries are each listed exactly once, in pages of any size", arguments: [600, 4096, 65536] as [UInt32])
    func complete(_ maxCount: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        let names = (0..<3000).map { "entry number \($0)" }
        try await fill(session, directory, names)
        let found = try await session.entries(directory, maxCount: maxCount).map { String(decoding: $0.name, as: UTF8.self) }
        #expect(found.count == names.count)
        #expect(Set(found) == Set(names))
    }

    @Test("no reply is larger than maxcount (§18.23.3)", arguments: [256, 1000, 8192] as [UInt32])
    func maxCount(_ maxCount: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        try await fill(session, directory, (0..<300).map { "entry \($0)" })
        var cookie: UInt64 = 0
        var verifier = Verifier.zero
        var pages = 0
        while true {
            let request = Operation.readDir(cookie: cookie, verifier: verifier, maxCount: maxCount, [.type, .fileID])
            let page = try await session.run(.putFH(directory), request).entries
            #expect(page.encodedSize <= Int(maxCount))
            (verifier, pages) = (page.verifier, pages + 1)
            guard !page.eof, let last = page.entries.last else { break }
            cookie = last.cookie
        }
        #expect(pages >= 300 * 40 / Int(maxCount))
    }

    @Test("a maxcount too small for one entry is TOOSMALL", arguments: [0, 1, 16, 24] as [UInt32])
    func tooSmall(_ maxCount: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, String(repeating: "n", count: 200))
        let reply = try await session.compound(.putFH(directory), .readDir(maxCount: maxCount))
        #expect(reply.outcome == Outcome(.readDir, .tooSmall))
    }

    @Test("maxcount is exact: room for one entry is enough, a byte less is TOOSMALL")
    func exactMaxCount() async throws {
        let (session, directory) = try await newDirectory()
        try await fill(session, directory, ["one", "another"])
        let whole = try await session.run(.putFH(directory), .readDir([.type, .fileID])).entries
        #expect(whole.entries.count == 2 && whole.eof)
        let size = UInt32(whole.encodedSize)
        let all = try await session.run(.putFH(directory), .readDir(maxCount: size, [.type, .fileID])).entries
        #expect(all.names == whole.names && all.eof)
        let first = try await session.run(.putFH(directory), .readDir(maxCount: size - 1, [.type, .fileID])).entries
        #expect(first.names == [whole.names[0]] && !first.eof)
        let smallest = UInt32(first.encodedSize)
        #expect(try await session.run(.putFH(directory), .readDir(maxCount: smallest, [.type, .fileID])).entries.names == first.names)
        let reply = try await session.compound(.putFH(directory), .readDir(maxCount: smallest - 1, [.type, .fileID]))
        #expect(reply.outcome == Outcome(.readDir, .tooSmall))
    }

    @Test("an empty directory takes the 16 bytes of an empty list")
    func emptyMaxCount() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.run(.putFH(directory), .readDir(maxCount: 16)).entries.eof)
        #expect(try await session.compound(.putFH(directory), .readDir(maxCount: 15)).outcome == Outcome(.readDir, .tooSmall))
    }

    @Test("dircount bounds names and cookies, as far as there is an entry at all; 0 bounds nothing (§18.23.4)")
    func dirCountBounds() async throws {
        let (session, directory) = try await newDirectory()
        try await fill(session, directory, (0..<10).map { "name \($0)" })
        // Each entry has a cookie of 8 bytes, and 4 and 8 of its name.
        for (dirCount, count) in [(0, 10), (1, 1), (20, 1), (39, 1), (40, 2), (199, 9), (200, 10), (1000, 10)] as [(UInt32, Int)] {
            let page = try await session.run(.putFH(directory), .readDir(dirCount: dirCount)).entries
            #expect(page.entries.count == count, "dircount \(dirCount)")
            #expect(page.eof == (count == 10))
        }
    }

    @Test("a small dircount never hides an entry", arguments: [0, 1, 8] as [UInt32])
    func dirCount(_ dirCount: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        let page = try await session.run(.putFH(directory), .readDir(dirCount: dirCount)).entries
        #expect(page.names == ["file"])
    }

    @Test("cookies are neither 0, 1 nor 2, and each is another (§18.23.4)")
    func cookies() async throws {
        let (session, directory) = try await newDirectory()
        try await fill(session, directory, (0..<100).map { "entry \($0)" })
        let cookies = try await session.entries(directory).map(\.cookie)
        #expect(Set(cookies).count == 100)
        #expect(Set(cookies).isDisjoint(with: [0, 1, 2]))
    }

    @Test("reading on from any cookie gives the entries after it")
    func resume() async throws {
        let (session, directory) = try await newDirectory()
        try await fill(session, directory, (0..<40).map { "entry \($0)" })
        let first = try await session.run(.putFH(directory), .readDir()).entries
        for (index, entry) in first.entries.enumerated() {
            let request = Operation.readDir(cookie: entry.cookie, verifier: first.verifier)
            let rest = try await session.run(.putFH(directory), request).entries
            #expect(rest.names == Array(first.names.dropFirst(index + 1)))
            #expect(rest.eof)
        }
    }

    @Test("the cookies 1 and 2 are BAD_COOKIE", arguments: [1, 2] as [UInt64])
    func reservedCookie(_ cookie: UInt64) async throws {
        let (session, directory) = try await newDirectory()
        let verifier = try await session.run(.putFH(directory), .readDir()).entries.verifier
        let reply = try await session.compound(.putFH(directory), .readDir(cookie: cookie, verifier: verifier))
        #expect(reply.outcome == Outcome(.readDir, .badCookie))
    }

    @Test("a cookie with a verifier the server never gave is NOT_SAME")
    func wrongVerifier() async throws {
        let (session, directory) = try await newDirectory()
        try await fill(session, directory, ["a", "b"])
        let page = try await session.run(.putFH(directory), .readDir()).entries
        let wrong = Verifier(page.verifier.bytes.map { ~$0 })
        let reply = try await session.compound(.putFH(directory), .readDir(cookie: page.entries[0].cookie, verifier: wrong))
        #expect(reply.outcome == Outcome(.readDir, .notSame))
    }

    @Test("entries that stay are listed exactly once while others come and go")
    func changing() async throws {
        let (session, directory) = try await newDirectory()
        let kept = (0..<400).map { "kept \($0)" }
        try await fill(session, directory, kept + (0..<400).map { "removed \($0)" })
        var found: [String] = []
        var last: (cookie: UInt64, verifier: Verifier) = (0, .zero)
        for round in 0... {
            let request = Operation.readDir(cookie: last.cookie, verifier: last.verifier, maxCount: 2048)
            let page = try await session.run(.putFH(directory), request).entries
            found += page.names
            guard !page.eof, let end = page.entries.last else { break }
            last = (end.cookie, page.verifier)
            for name in ["removed \(round)", "removed \(399 - round)"] {
                _ = try await session.compound(.putFH(directory), .remove(name))
            }
            try await fill(session, directory, ["added \(round)"])
        }
        #expect(found.filter { $0.hasPrefix("kept") }.sorted() == kept.sorted())
        #expect(Set(found).count == found.count)
    }

    @Test("attributes of entries are those GETATTR gives")
    func attributes() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file", Array(repeating: 1, count: 77))
        _ = try await session.makeDirectory(directory, "directory")
        try await session.run(.putFH(directory), .create(.symlink(to: "file"), "link"))
        let wanted: AttributeSet = [
            .type, .change, .size, .fsid, .fileHandle, .fileID, .mode, .numLinks, .owner, .ownerGroup, .spaceUsed, .timeModify,
            .mountedOnFileID,
        ]
        let entries = try await session.entries(directory, wanted)
        #expect(entries.count == 3)
        for entry in entries {
            let handle = try await session.lookup(directory, String(decoding: entry.name, as: UTF8.self))
            #expect(try await session.attributes(handle, wanted) == entry.attributes)
        }
    }

    @Test("no attributes are an empty list, rdattr_error alone is OK, and nothing is said of those this server does not know")
    func fewAttributes() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        #expect(try await session.entries(directory, []).map(\.attributes) == [.none])
        let error = FileAttributes([.rdattrError: .uint32(0)])
        #expect(try await session.entries(directory, [.rdattrError]).map(\.attributes) == [error])
        #expect(try await session.entries(directory, [.rdattrError, .hidden, .mimeType]).map(\.attributes) == [error])
        let fileID = try #require(
            try await session.attributes(session.lookup(directory, "file"), [.mountedOnFileID]).uint64(.mountedOnFileID))
        let own = try await session.entries(directory, [.rdattrError, .mountedOnFileID]).map(\.attributes)
        #expect(own == [FileAttributes([.rdattrError: .uint32(0), .mountedOnFileID: .uint64(fileID)])])
    }

    @Test("what changed a moment ago is listed as it is now")
    func freshAttributes() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        for size in 1...20 {
            try await session.run(.putFH(file.handle), .write(file.stateID, [UInt8](repeating: 1, count: size)))
            let wanted: AttributeSet = [.change, .size]
            let listed = try await session.entries(directory, wanted)[0].attributes
            #expect(listed.size == UInt64(size))
            #expect(try await session.attributes(file.handle, wanted) == listed)
        }
        try await session.close(file)
    }

    @Test("a cookie from before other entries came and went is good for as long as the directory is there")
    func oldCookie() async throws {
        let (session, directory) = try await newDirectory()
        try await fill(session, directory, (0..<20).map { "stays \($0)" })
        let first = try await session.run(.putFH(directory), .readDir()).entries
        let rest = Set(first.names.dropFirst(10))
        // The entry the cookie came with goes, too.
        try await session.run(.putFH(directory), .remove(first.names[9]))
        try await fill(session, directory, (0..<20).map { "new \($0)" })
        for index in 0..<20 { try await session.run(.putFH(directory), .remove("new \(index)")) }
        let request = Operation.readDir(cookie: first.entries[9].cookie, verifier: first.verifier)
        #expect(Set(try await newSession().run(.putFH(directory), request).entries.names) == rest)
    }

    @Test("an attribute that can only be set is INVAL", arguments: [Attribute.timeAccessSet, .timeModifySet])
    func writeOnly(_ attribute: Attribute) async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        #expect(try await session.compound(.putFH(directory), .readDir([attribute])).outcome == Outcome(.readDir, .inval))
    }

    @Test("of something that is no directory it is NOTDIR, of a symbolic link too")
    func notDirectory() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "."), "link"), .getFH).fileHandle
        for handle in [file, link] {
            #expect(try await session.compound(.putFH(handle), .readDir()).outcome == Outcome(.readDir, .notDir))
        }
    }

    @Test("entries that may be listed but not looked at are told with rdattr_error, or fail the whole with ACCESS")
    func entriesWithoutPermission() async throws {
        let (session, directory) = try await newDirectory()
        let readable = try await session.makeDirectory(directory, "readable", mode: 0o744)
        let file = try await session.makeFile(readable, "file")
        let fileID = try #require(try await session.attributes(file, [.fileID]).fileID)
        let asked = Operation.readDir([.type, .rdattrError, .mountedOnFileID])
        let entries = try await session.run(.putFH(readable), asked, credential: .user).entries
        let expected = FileAttributes([.rdattrError: .uint32(Status.access.rawValue), .mountedOnFileID: .uint64(fileID)])
        #expect(entries.names == ["file"] && entries.entries[0].attributes == expected)
        let reply = try await session.compound(.putFH(readable), .readDir([.type]), credential: .user)
        #expect(reply.outcome == Outcome(.readDir, .access))
        let names = try await session.run(.putFH(readable), .readDir([.mountedOnFileID]), credential: .user).entries
        #expect(names.entries.map { $0.attributes.uint64(.mountedOnFileID) } == [fileID])
    }

    @Test("a cookie with the verifier of another directory is as good as with its own: cookies never expire")
    func verifier() async throws {
        let (session, directory) = try await newDirectory()
        try await fill(session, directory, ["a", "b"])
        let page = try await session.run(.putFH(directory), .readDir()).entries
        let other = try await session.run(.putRootFH, .readDir()).entries.verifier
        let rest = try await session.run(.putFH(directory), .readDir(cookie: page.entries[0].cookie, verifier: other)).entries
        #expect(rest.names == [page.names[1]])
    }

    @Test("the current filehandle stays the directory")
    func currentHandle() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.run(.putFH(directory), .readDir(), .getFH).fileHandle == directory)
    }

    @Test("without read permission it is ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o711)
        #expect(try await session.compound(.putFH(closed), .readDir(), credential: .user).outcome == Outcome(.readDir, .access))
    }

    @Test("names of 255 bytes and of any UTF-8 come back byte for byte")
    func names() async throws {
        let (session, directory) = try await newDirectory()
        let names = [String(repeating: "ü", count: 127) + "u", "日本語", "e\u{301}", "é", "line\nbreak", "👩‍👩‍👧"]
        try await fill(session, directory, names)
        let found = try await session.entries(directory).map(\.name)
        #expect(Set(found) == Set(names.map { Array($0.utf8) }))
    }
}
