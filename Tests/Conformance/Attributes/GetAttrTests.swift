import NFSTestClient
import Testing

@Suite("GETATTR (RFC 8881 §18.7, §5)")
struct GetAttrTests {
    @Test("every REQUIRED attribute is returned for every type of object (§5.6)")
    func required() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "x"), "link"), .getFH).fileHandle
        let fifo = try await session.run(.putFH(directory), .create(.fifo, "fifo"), .getFH).fileHandle
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        for handle in [root, directory, file, link, fifo] {
            let attributes = try await session.attributes(handle, AttributeSet(Attribute.required))
            #expect(attributes.set == AttributeSet(Attribute.required))
        }
    }

    @Test("supported_attrs holds what is required and what the Linux client asks for (§5.8.1.1)")
    func supported() async throws {
        let (session, directory) = try await newDirectory()
        let supported = try #require(try await session.attributes(directory, [.supportedAttrs]).supported)
        let wanted: [Attribute] = [
            .canSetTime, .casePreserving, .caseInsensitive, .chownRestricted, .fileID, .filesAvail, .filesFree, .filesTotal,
            .homogeneous, .maxFileSize, .maxLink, .maxName, .maxRead, .maxWrite, .mode, .noTrunc, .numLinks, .owner, .ownerGroup,
            .rawDev, .spaceAvail, .spaceFree, .spaceTotal, .spaceUsed, .timeAccess, .timeAccessSet, .timeDelta, .timeMetadata,
            .timeModify, .timeModifySet, .mountedOnFileID,
        ]
        for attribute in Attribute.required + wanted { #expect(supported.contains(attribute), "\(attribute)") }
    }

    @Test("all supported attributes that can be read are returned, and no others")
    func allSupported() async throws {
        let (session, directory) = try await newDirectory()
        let supported = try #require(try await session.attributes(directory, [.supportedAttrs]).supported)
        let readable = Attribute.allCases.filter {
            supported.contains($0) && ![.timeAccessSet, .timeModifySet, .modeSetMasked, .fsStatus, .layoutHint].contains($0)
        }
        #expect(try await session.attributes(directory, AttributeSet(readable)).set == AttributeSet(readable))
    }

    @Test("an attribute that is not supported is left out without an error (§18.7.3)")
    func unsupported() async throws {
        let (session, directory) = try await newDirectory()
        var request: AttributeSet = [.type, .system, .hidden, .archive, .mimeType]
        let supported = try #require(try await session.attributes(directory, [.supportedAttrs]).supported)
        request.insert(200)
        request.insert(1000)
        let attributes = try await session.attributes(directory, request)
        #expect(attributes.type == .directory)
        #expect(attributes.set.bits.allSatisfy { supported.bits.contains($0) })
    }

    @Test("no attributes asked, none returned")
    func none() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.attributes(directory, []).values.isEmpty)
        #expect(try await session.attributes(directory, AttributeSet(words: [0, 0, 0, 0])).values.isEmpty)
    }

    @Test("an attribute that can only be set is INVAL (§5.5)", arguments: [Attribute.timeAccessSet, .timeModifySet])
    func writeOnly(_ attribute: Attribute) async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .getAttr([attribute])).outcome == Outcome(.getAttr, .inval))
    }

    @Test("suppattr_exclcreat is part of supported_attrs and holds no size and no times for the verifier (§5.8.1.14)")
    func exclusiveCreate() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = try await session.attributes(directory, [.supportedAttrs, .suppAttrExclCreat])
        let exclusive = try #require(attributes.attributeSet(.suppAttrExclCreat))
        #expect(Set(exclusive.bits).isSubset(of: Set(attributes.supported?.bits ?? [])))
        #expect(exclusive.contains(.mode))
    }

    @Test("handles are persistent and one for each file (§5.8.1.3, §5.8.1.10)")
    func handles() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = try await session.attributes(
            directory, [.fhExpireType, .uniqueHandles, .linkSupport, .symlinkSupport, .namedAttr])
        #expect(attributes.uint32(.fhExpireType) == 0)
        #expect(attributes.bool(.uniqueHandles) == true)
        #expect(attributes.bool(.linkSupport) == true)
        #expect(attributes.bool(.symlinkSupport) == true)
        #expect(attributes.bool(.namedAttr) == false)
    }

    @Test("type, size, links, owner and mode of a new file")
    func file() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", Array(repeating: 1, count: 12345), mode: 0o640)
        let attributes = try await session.attributes(file, [.type, .size, .numLinks, .owner, .ownerGroup, .mode, .spaceUsed])
        #expect(attributes.type == .regular)
        #expect(attributes.size == 12345)
        #expect(attributes.numLinks == 1)
        #expect(attributes.owner == "0")
        #expect(attributes.ownerGroup == "0")
        #expect(attributes.mode == 0o640)
        #expect((12345...1 << 20).contains(try #require(attributes.uint64(.spaceUsed))))
    }

    @Test("change is another after each change of data, attributes or entries (§5.8.1.4)")
    func change() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        var seen: Set<UInt64> = [try #require(try await session.attributes(file.handle, [.change]).change)]
        let changes: [Operation] = [
            .write(file.stateID, [1]), .write(file.stateID, [2]), .setAttr(.mode(0o600)), .setAttr(.size(100), stateID: file.stateID),
            .write(file.stateID, [3], .fileSync),
        ]
        for change in changes {
            try await session.run(.putFH(file.handle), change)
            let value = try #require(try await session.attributes(file.handle, [.change]).change)
            #expect(seen.insert(value).inserted, "\(change.code) left the change attribute as it was")
        }
    }

    @Test("fileid is unique and stable, and the same as in READDIR")
    func fileID() async throws {
        let (session, directory) = try await newDirectory()
        let a = try await session.makeFile(directory, "a")
        let b = try await session.makeFile(directory, "b")
        let ids = (try await session.attributes(a, [.fileID]).fileID, try await session.attributes(b, [.fileID]).fileID)
        #expect(ids.0 != ids.1)
        let listed = try await session.entries(directory, [.fileID]).map(\.attributes.fileID)
        #expect(Set(listed) == [ids.0, ids.1])
    }

    @Test("file system limits and space make sense")
    func fileSystem() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = try await session.attributes(
            directory,
            [
                .spaceTotal, .spaceFree, .spaceAvail, .filesTotal, .filesFree, .filesAvail, .maxName, .maxRead, .maxWrite, .maxFileSize,
                .maxLink, .homogeneous, .caseInsensitive, .casePreserving, .noTrunc, .timeDelta,
            ])
        let space = try [Attribute.spaceTotal, .spaceFree, .spaceAvail].map { try #require(attributes.uint64($0)) }
        #expect(space[0] >= space[1] && space[1] >= space[2] && space[2] > 0)
        let files = try [Attribute.filesTotal, .filesFree, .filesAvail].map { try #require(attributes.uint64($0)) }
        #expect(files[0] >= files[1] && files[1] >= files[2])
        #expect(attributes.uint32(.maxName) == 255)
        #expect(try #require(attributes.uint64(.maxRead)) >= 1 << 16)
        #expect(try #require(attributes.uint64(.maxWrite)) >= 1 << 16)
        #expect(try #require(attributes.uint64(.maxFileSize)) >= 1 << 20)
        #expect(attributes.bool(.casePreserving) == true)
        #expect(attributes.bool(.caseInsensitive) == false)
        #expect(attributes.bool(.noTrunc) == true)
        let delta = try #require(attributes.time(.timeDelta))
        #expect(delta.seconds == 0 && delta.nanoseconds > 0)
    }

    @Test("rdattr_error is OK when all went well")
    func rdattrError() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.attributes(directory, [.rdattrError]).uint32(.rdattrError) == 0)
    }

    @Test("times are now, and modify moves with a write but not with a chmod")
    func times() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let old = FileAttributes([.timeModifySet: .setTime(.client(Time(seconds: 1_000_000)))])
        try await session.run(.putFH(file), .setAttr(old))
        let first = try await session.attributes(file, [.timeModify, .timeMetadata])
        #expect(first.time(.timeModify) == Time(seconds: 1_000_000))
        try await session.run(.putFH(file), .setAttr(.mode(0o600)))
        #expect(try await session.attributes(file, [.timeModify]).time(.timeModify) == Time(seconds: 1_000_000))
        try await session.run(.putFH(file), .write(.anonymous, [1], .fileSync))
        let last = try await session.attributes(file, [.timeModify, .timeMetadata])
        #expect(try #require(last.time(.timeModify)) > Time(seconds: 1_500_000_000))
        #expect(try #require(last.time(.timeMetadata)) >= #require(first.time(.timeMetadata)))
    }

    @Test("attributes can be read by who may not read the file")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", mode: 0o600)
        #expect(try await session.compound(.putFH(file), .getAttr([.size, .mode]), credential: .user).status == .ok)
    }

    @Test("a device has its numbers")
    func device() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(
            .putFH(directory), .create(.device(.character, major: 250, minor: 70_000), "device"), .getAttr([.rawDev, .type]))
        #expect(try reply.attributes.values[.rawDev] == .uint32Pair(250, 70_000))
    }
}
