import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "VERIFY (RFC 8881 §18.31)",
    .covers(
        .verify,
        never: [
            .badChar: "strings are compared byte by byte, whatever they mean",
            .grace: "reading attributes takes nothing from anybody who reclaims",
            .wrongType: "files of every type have attributes",
        ]))
struct VerifyTests {
    /// Every attribute the server can be asked for of a file.
    private func all(_ session: TestSession, _ handle: FileHandle) async throws -> FileAttributes {
        let supported = try #require(await session.attributes(handle, [.supportedAttrs]).supported)
        let wanted = Attribute.allCases.filter {
            // How full the file system is changes with what other tests do.
            supported.contains($0) && !Attribute.setOnly.contains($0) && $0 != .rdattrError
                && ![.filesAvail, .filesFree, .spaceAvail, .spaceFree].contains($0)
        }
        return try await session.attributes(handle, AttributeSet(wanted))
    }

    @Test("with all attributes as they are the compound goes on")
    func same() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "x"), "link"), .getFH).fileHandle
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        for handle in [file, directory, link, root] {
            try await session.run(.putFH(handle), .verify(all(session, handle)), .getFH)
        }
        try await session.run(.putFH(file), .verify(.none), .getFH)
    }

    @Test("one value that differs is NOT_SAME, whichever it is")
    func different() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let all = try await all(session, file)
        let others: [Attribute: AttributeValue] = [
            .change: .uint64(1), .size: .uint64(4), .mode: .uint32(0o601), .owner: .string("1"), .ownerGroup: .string("alice@example.org"),
            .type: .uint32(2), .fileID: .uint64(0), .supportedAttrs: .attributeSet([.type]), .timeModify: .time(Time(seconds: 1)),
            .fileHandle: .bytes([1, 2, 3]), .numLinks: .uint32(2), .linkSupport: .bool(false), .fsid: .uint64Pair(0, 0),
            .fsLocations: .raw([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), .leaseTime: .uint32(1),
        ]
        for (attribute, value) in others {
            var attributes = all
            attributes.values[attribute] = value
            #expect(
                try await session.compound(.putFH(file), .verify(attributes), .getFH).outcome == Outcome(.verify, .notSame), "\(attribute)")
        }
    }

    @Test("room in the reply has nothing to do with the outcome")
    func littleRoom() async throws {
        var fore = ChannelAttributes()
        fore.maxResponseSize = 512
        let (session, directory) = try await newDirectory()
        let all = try await all(session, directory)
        let small = try await newSession(fore: fore)
        try await small.run(.putFH(directory), .verify(all), .verify(all))
    }

    @Test("an access control list is compared like any value", .withACLs)
    func acl() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        try await session.run(.putFH(file), .setAttr(.acl([.allow("1000", 1), .allow("EVERYONE@", 1)])))
        var acl = try #require(await session.attributes(file, [.acl]).acl)
        try await session.run(.putFH(file), .verify(.acl(acl)))
        acl[0].mask ^= 2
        #expect(try await session.compound(.putFH(file), .verify(.acl(acl))).outcome == Outcome(.verify, .notSame))
    }

    @Test("an attribute that is not supported is ATTRNOTSUPP")
    func unsupported() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = FileAttributes([.size: .uint64(3), .system: .bool(true)])
        #expect(try await session.compound(.putFH(directory), .verify(attributes)).outcome == Outcome(.verify, .attrNotSupp))
        var unknown = FileAttributes.none
        unknown.rawSet = AttributeSet(words: [0, 0, 0, 0, 1])
        #expect(try await session.compound(.putFH(directory), .verify(unknown)).outcome == Outcome(.verify, .attrNotSupp))
    }

    @Test("rdattr_error, attributes that can only be set, and modes there are none of are INVAL (§6.2.4)")
    func invalid() async throws {
        let (session, directory) = try await newDirectory()
        for attribute in Attribute.setOnly + [.rdattrError] {
            var attributes = FileAttributes.none
            attributes.rawSet = [attribute]
            attributes.rawList = [0, 0, 0, 0]
            #expect(try await session.compound(.putFH(directory), .verify(attributes)).outcome == Outcome(.verify, .inval), "\(attribute)")
        }
        #expect(try await session.compound(.putFH(directory), .verify(.mode(0o10000))).outcome == Outcome(.verify, .inval))
    }

    @Test("a list that is not that of its attributes is BADXDR")
    func badList() async throws {
        let (session, directory) = try await newDirectory()
        for (set, list) in [
            ([.size], [0, 0, 0, 0]), ([.mode], [0, 0, 1, 0xff, 0, 0, 0, 0]), ([.linkSupport], [0, 0, 0, 2]),
            ([.owner], [0, 0, 0, 9, 1, 1, 1, 1]),
            ([.fsLocations], [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), ([.supportedAttrs], [0xff, 0xff, 0xff, 0xff]),
        ] as [(AttributeSet, [UInt8])] {
            var attributes = FileAttributes.none
            (attributes.rawSet, attributes.rawList) = (set, list)
            #expect(try await session.compound(.putFH(directory), .verify(attributes)).outcome == Outcome(.verify, .badXDR), "\(list)")
        }
    }
}
