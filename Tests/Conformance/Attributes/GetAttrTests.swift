import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "GETATTR (RFC 8881 §18.7, §5)",
    .covers(
        .getAttr,
        never: [
            .grace: "reading attributes takes nothing from anybody who reclaims",
            .wrongType: "files of every type have attributes",
        ]))
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
            .aclSupport, .canSetTime, .casePreserving, .caseInsensitive, .chownRestricted, .fileID, .filesAvail, .filesFree, .filesTotal,
            .fsLocations, .homogeneous, .maxFileSize, .maxLink, .maxName, .maxRead, .maxWrite, .mode, .noTrunc, .numLinks, .owner,
            .ownerGroup,
            .rawDev, .spaceAvail, .spaceFree, .spaceTotal, .spaceUsed, .timeAccess, .timeAccessSet, .timeDelta, .timeMetadata,
            .timeModify, .timeModifySet, .mountedOnFileID, .modeSetMasked,
        ]
        for attribute in Attribute.required + wanted { #expect(supported.contains(attribute), "\(attribute)") }
    }

    @Test("all supported attributes that can be read are returned, and no others")
    func allSupported() async throws {
        let (session, directory) = try await newDirectory()
        let supported = try #require(try await session.attributes(directory, [.supportedAttrs]).supported)
        let readable = Attribute.allCases.filter { supported.contains($0) && !Attribute.setOnly.contains($0) }
        #expect(try await session.attributes(directory, AttributeSet(readable)).set == AttributeSet(readable))
    }

    @Test("an attribute that is not supported is left out without an error (§18.7.3)")
    func unsupported() async throws {
        let (session, directory) = try await newDirectory()
        let unsupported: AttributeSet = [
            .archive, .hidden, .mimeType, .quotaAvailHard, .quotaAvailSoft, .quotaUsed, .system, .timeBackup, .dacl, .sacl, .layoutTypes,
        ]
        let supported = try #require(try await session.attributes(directory, [.supportedAttrs]).supported)
        #expect(Set(supported.bits).isDisjoint(with: unsupported.bits))
        #expect(try await session.attributes(directory, unsupported).values.isEmpty)
    }

    @Test("numbers no attribute has are left out, however many there are")
    func unknown() async throws {
        let (session, directory) = try await newDirectory()
        let type: UInt32 = 1 << 1
        for words in [[type, 0, 0, 1 << 31], [type, 0, 0, 0, 1], [type, 0, 0xfff0_0000, .max] + Array(repeating: .max, count: 5000)] {
            let attributes = try await session.attributes(directory, AttributeSet(words: words))
            #expect(attributes.values == [.type: .uint32(FileType.directory.rawValue)])
        }
    }

    @Test("no attributes asked, none returned")
    func none() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.attributes(directory, []).values.isEmpty)
        #expect(try await session.attributes(directory, AttributeSet(words: [0, 0, 0, 0])).values.isEmpty)
    }

    @Test("an attribute that can only be set is INVAL (§5.5)", arguments: Attribute.setOnly)
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
        #expect(Set(exclusive.bits).isDisjoint(with: AttributeSet([.timeAccessSet, .timeModifySet, .modeSetMasked]).bits))
    }

    @Test("fs_locations names the export's place and no other (§11.16)")
    func locations() async throws {
        let server = try await sharedServer()
        let (session, directory) = try await newDirectory()
        var expected = XDREncoder()
        expected.array(server.exportPath) { $0.string($1) }
        expected.uint32(0)
        #expect(try await session.attributes(directory, [.fsLocations]).values == [.fsLocations: .raw(expected.bytes)])
        let root = try await session.run(.putRootFH, .getAttr([.fsLocations])).attributes
        #expect(root.values == [.fsLocations: .raw([0, 0, 0, 0, 0, 0, 0, 0])])
    }

    @Test("mounted_on_fileid of an export's root is that of the entry it is found by, elsewhere it is fileid (§5.8.2.23)")
    func mountedOnFileID() async throws {
        let (session, directory) = try await newDirectory()
        let inside = try await session.attributes(directory, [.fileID, .mountedOnFileID])
        #expect(inside.uint64(.mountedOnFileID) == inside.fileID)
        let path = try await sharedServer().exportPath
        let parent = try await session.lookup(path: path.dropLast())
        let export = try await session.attributes(session.lookup(path: path), [.fileID, .mountedOnFileID, .fsid])
        let entry = try #require(
            try await session.entries(parent, [.fileID, .mountedOnFileID, .fsid]).first { $0.name == Array(path[path.count - 1].utf8) })
        #expect(entry.attributes == export)
        #expect(export.uint64(.mountedOnFileID) != export.fileID)
    }

    @Test("time_create is when the file was made, and stays")
    func timeCreate() async throws {
        let (session, directory) = try await newDirectory()
        guard try #require(await session.attributes(directory, [.supportedAttrs]).supported).contains(.timeCreate) else { return }
        let file = try await session.makeFile(directory, "file")
        let created = try #require(await session.attributes(file, [.timeCreate]).time(.timeCreate))
        #expect(created > Time(seconds: 1_500_000_000))
        try await session.run(.putFH(file), .write(.anonymous, [1]), .setAttr(.mode(0o600)))
        #expect(try await session.attributes(file, [.timeCreate]).time(.timeCreate) == created)
    }

    @Test("aclsupport tells of ALLOW and DENY where there are lists, of nothing elsewhere (§6.2.1.2)")
    func aclSupport() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = try await session.attributes(directory, [.supportedAttrs, .aclSupport, .acl])
        let hasACL = try #require(attributes.supported).contains(.acl)
        #expect(attributes.uint32(.aclSupport) == (hasACL ? 3 : 0))
        #expect((attributes.acl != nil) == hasACL)
        let root = try await session.run(.putRootFH, .getAttr([.supportedAttrs, .aclSupport, .acl])).attributes
        #expect(root.uint32(.aclSupport) == 0)
        #expect(root.acl == nil)
    }

    @Test("a file without a list has one that says what its mode says (§6.4.2)", .withACLs)
    func aclOfMode() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", mode: 0o604)
        let acl = try #require(await session.attributes(file, [.acl]).acl)
        #expect(acl.map(\.who) == ["OWNER@", "GROUP@", "GROUP@", "EVERYONE@"])
        #expect(acl.map(\.type) == [0, 0, 1, 0])
        #expect(
            acl.map { $0.mask & (ACE.readData | ACE.write | ACE.execute) } == [ACE.readData | ACE.write, 0, ACE.readData, ACE.readData])
        #expect(acl.allSatisfy { $0.flag == 0 })
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
        #expect(attributes.bool(.homogeneous) == true)
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
