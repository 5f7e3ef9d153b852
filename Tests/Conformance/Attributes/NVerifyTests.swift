import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "NVERIFY (RFC 8881 §18.15)",
    .covers(
        .nVerify,
        never: [
            .badChar: "strings are compared byte by byte, whatever they mean",
            .grace: "reading attributes takes nothing from anybody who reclaims",
            .wrongType: "files of every type have attributes",
        ]))
struct NVerifyTests {
    @Test("with all attributes as they are it is SAME")
    func same() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let attributes = try await session.attributes(
            file,
            [
                .type, .change, .size, .fsid, .fileHandle, .fileID, .mode, .numLinks, .owner, .ownerGroup, .timeModify, .supportedAttrs,
                .fsLocations,
            ])
        #expect(try await session.compound(.putFH(file), .nVerify(attributes), .getFH).outcome == Outcome(.nVerify, .same))
        #expect(try await session.compound(.putFH(file), .nVerify(.none), .getFH).outcome == Outcome(.nVerify, .same))
    }

    @Test("with one value that differs the compound goes on")
    func different() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let attributes = FileAttributes([.size: .uint64(3), .mode: .uint32(0o600), .owner: .string("0")])
        try await session.run(.putFH(file), .nVerify(attributes))
        let before = try await session.attributes(file, [.change])
        try await session.run(.putFH(file), .write(.anonymous, [1]), .nVerify(before), .getFH)
    }

    @Test("an attribute that is not supported is ATTRNOTSUPP")
    func unsupported() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = FileAttributes([.size: .uint64(3), .system: .bool(true)])
        #expect(try await session.compound(.putFH(directory), .nVerify(attributes)).outcome == Outcome(.nVerify, .attrNotSupp))
        var unknown = FileAttributes.none
        unknown.rawSet = AttributeSet(words: [0, 0, 0, 0, 1])
        #expect(try await session.compound(.putFH(directory), .nVerify(unknown)).outcome == Outcome(.nVerify, .attrNotSupp))
    }

    @Test("rdattr_error, attributes that can only be set, and modes there are none of are INVAL (§6.2.4)")
    func invalid() async throws {
        let (session, directory) = try await newDirectory()
        for attribute in Attribute.setOnly + [.rdattrError] {
            var attributes = FileAttributes.none
            attributes.rawSet = [attribute]
            attributes.rawList = [0, 0, 0, 0]
            #expect(
                try await session.compound(.putFH(directory), .nVerify(attributes)).outcome == Outcome(.nVerify, .inval), "\(attribute)")
        }
        #expect(try await session.compound(.putFH(directory), .nVerify(.mode(0o10000))).outcome == Outcome(.nVerify, .inval))
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
            #expect(try await session.compound(.putFH(directory), .nVerify(attributes)).outcome == Outcome(.nVerify, .badXDR), "\(list)")
        }
    }
}
