import ConformanceRecord
import NFSTestClient
import Testing

@Suite("VERIFY and NVERIFY (RFC 8881 §18.31, §18.15)", .covers(.verify, .nVerify))
struct VerifyTests {
    @Test("equal attributes let VERIFY go on and stop NVERIFY with SAME")
    func same() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let attributes = try await session.attributes(
            file, [.type, .change, .size, .fsid, .fileHandle, .fileID, .mode, .numLinks, .owner, .ownerGroup, .timeModify, .supportedAttrs])
        #expect(try await session.compound(.putFH(file), .verify(attributes), .getFH).status == .ok)
        #expect(try await session.compound(.putFH(file), .nVerify(attributes), .getFH).outcome == Outcome(.nVerify, .same))
    }

    @Test("different attributes stop VERIFY with NOT_SAME and let NVERIFY go on")
    func different() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let attributes = FileAttributes([.size: .uint64(3), .mode: .uint32(0o600), .owner: .string("0")])
        #expect(try await session.compound(.putFH(file), .verify(attributes), .getFH).outcome == Outcome(.verify, .notSame))
        #expect(try await session.compound(.putFH(file), .nVerify(attributes), .getFH).status == .ok)
    }

    @Test("an attribute that is not supported is ATTRNOTSUPP")
    func unsupported() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = FileAttributes([.size: .uint64(3), .system: .bool(true)])
        #expect(try await session.compound(.putFH(directory), .verify(attributes)).outcome == Outcome(.verify, .attrNotSupp))
        #expect(try await session.compound(.putFH(directory), .nVerify(attributes)).outcome == Outcome(.nVerify, .attrNotSupp))
    }

    @Test("rdattr_error and attributes that can only be set are INVAL")
    func invalid() async throws {
        let (session, directory) = try await newDirectory()
        for attributes in [
            FileAttributes([.rdattrError: .uint32(0)]), FileAttributes([.timeModifySet: .setTime(.server)]),
            FileAttributes([.timeAccessSet: .setTime(.client(Time(seconds: 1)))]),
        ] {
            #expect(try await session.compound(.putFH(directory), .verify(attributes)).outcome == Outcome(.verify, .inval))
            #expect(try await session.compound(.putFH(directory), .nVerify(attributes)).outcome == Outcome(.nVerify, .inval))
        }
    }

    @Test("a list cut short is BADXDR")
    func truncated() async throws {
        let (session, directory) = try await newDirectory()
        var attributes = FileAttributes([.size: .uint64(3)])
        attributes.rawList = [0, 0, 0, 0]
        #expect(try await session.compound(.putFH(directory), .verify(attributes)).outcome == Outcome(.verify, .badXDR))
    }
}
