import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "SETATTR (RFC 8881 §18.30)",
    .covers(
        .setAttr,
        never: [
            .badChar: "the strings of owners, which alone are text, are BADOWNER when they are not UTF-8"
        ]))
struct SetAttrTests {
    private func newFile(_ data: [UInt8] = [1, 2, 3, 4], mode: UInt32 = 0o666) async throws -> (TestSession, FileHandle) {
        let (session, directory) = try await newDirectory()
        return (session, try await session.makeFile(directory, "file", data, mode: mode))
    }

    @Test("mode, owner and group are set, and the reply names them")
    func modeAndOwner() async throws {
        let (session, file) = try await newFile()
        let wanted = FileAttributes([.mode: .uint32(0o4711), .owner: .string("1000"), .ownerGroup: .string("2000")])
        let reply = try await session.run(.putFH(file), .setAttr(wanted), .getAttr(wanted.set))
        #expect(try reply.attributesSet == wanted.set)
        #expect(try reply.attributes.owner == "1000")
        #expect(try reply.attributes.ownerGroup == "2000")
        #expect(try reply.attributes.mode == 0o4711)
    }

    @Test("size cuts the file and extends it with zeros")
    func size() async throws {
        let (session, file) = try await newFile()
        #expect(try await session.run(.putFH(file), .setAttr(.size(2))).attributesSet == [.size])
        #expect(try await session.read(file) == [1, 2])
        try await session.run(.putFH(file), .setAttr(.size(5)))
        #expect(try await session.read(file) == [1, 2, 0, 0, 0])
    }

    @Test("a file can be larger than a tebibyte", .onDisk)
    func largeFile() async throws {
        let (session, file) = try await newFile()
        #expect(try #require(try await session.attributes(file, [.maxFileSize]).uint64(.maxFileSize)) > 1 << 40)
        try await session.run(.putFH(file), .setAttr(.size(1 << 40)))
        #expect(try await session.attributes(file, [.size]).size == 1 << 40)
    }

    @Test("times are set to the nanosecond, before 1970 and after 2038")
    func times() async throws {
        let (session, file) = try await newFile()
        for time in [Time(seconds: 1, nanoseconds: 999_999_999), Time(seconds: -5, nanoseconds: 1), Time(seconds: 5_000_000_000)] {
            let set = FileAttributes([.timeAccessSet: .setTime(.client(time)), .timeModifySet: .setTime(.client(time))])
            let reply = try await session.run(.putFH(file), .setAttr(set), .getAttr([.timeAccess, .timeModify]))
            #expect(try reply.attributes.time(.timeAccess) == time)
            #expect(try reply.attributes.time(.timeModify) == time)
        }
    }

    @Test("times are set to the server's clock")
    func serverTime() async throws {
        let (session, file) = try await newFile()
        let past = FileAttributes([.timeModifySet: .setTime(.client(Time(seconds: 5)))])
        try await session.run(.putFH(file), .setAttr(past))
        try await session.run(.putFH(file), .setAttr(FileAttributes([.timeModifySet: .setTime(.server)])))
        let modified = try #require(try await session.attributes(file, [.timeModify]).time(.timeModify))
        #expect(modified > Time(seconds: 1_500_000_000))
    }

    @Test("nanoseconds of a second or more are INVAL")
    func badNanoseconds() async throws {
        let (session, file) = try await newFile()
        let set = FileAttributes([.timeModifySet: .setTime(.client(Time(seconds: 1, nanoseconds: 1_000_000_000)))])
        #expect(try await session.compound(.putFH(file), .setAttr(set)).outcome == Outcome(.setAttr, .inval))
    }

    @Test(
        "an attribute that can only be read is INVAL (§5.5)",
        arguments: [
            (.change, .uint64(1)), (.type, .uint32(1)), (.fileID, .uint64(1)), (.timeModify, .time(Time(seconds: 1))),
            (.numLinks, .uint32(1)),
            (.spaceUsed, .uint64(0)), (.supportedAttrs, .attributeSet([])),
        ] as [(Attribute, AttributeValue)])
    func readOnly(_ attribute: Attribute, _ value: AttributeValue) async throws {
        let (session, file) = try await newFile()
        let reply = try await session.compound(.putFH(file), .setAttr(FileAttributes([attribute: value])))
        #expect(reply.outcome == Outcome(.setAttr, .inval))
    }

    @Test("an attribute that is not supported is ATTRNOTSUPP, and nothing is set")
    func unsupported() async throws {
        let (session, file) = try await newFile(mode: 0o640)
        let set = FileAttributes([.mode: .uint32(0o600), .system: .bool(true)])
        #expect(try await session.compound(.putFH(file), .setAttr(set)).outcome == Outcome(.setAttr, .attrNotSupp))
        #expect(try await session.attributes(file, [.mode]).mode == 0o640)
        var unknown = FileAttributes.none
        unknown.rawSet = AttributeSet(words: [0, 0, 0, 1 << 4])
        #expect(try await session.compound(.putFH(file), .setAttr(unknown)).outcome == Outcome(.setAttr, .attrNotSupp))
    }

    @Test("a mode of more than twelve bits is INVAL")
    func badMode() async throws {
        let (session, file) = try await newFile()
        #expect(try await session.compound(.putFH(file), .setAttr(.mode(0o10000))).outcome == Outcome(.setAttr, .inval))
    }

    @Test(
        "an owner no one can translate is BADOWNER (§5.9)",
        arguments: [
            "", "nobody at all@nowhere.invalid", "root@elsewhere.example", "root@", "@", "root", "12x", "-1", "+1", " 1", "007",
            "4294967295",
            "4294967296", "99999999999999999999", String(repeating: "1", count: 5000), "1000\0",
        ])
    func badOwner(_ owner: String) async throws {
        let (session, file) = try await newFile()
        for attribute in [Attribute.owner, .ownerGroup] {
            let reply = try await session.compound(.putFH(file), .setAttr(FileAttributes([attribute: .string(owner)])))
            #expect(reply.outcome == Outcome(.setAttr, .badOwner), "\(attribute)")
            #expect(try reply.attributesSet.bits.isEmpty)
        }
        let bytes = FileAttributes([.owner: .bytes([0x31, 0xff, 0xfe])])
        #expect(try await session.compound(.putFH(file), .setAttr(bytes)).outcome == Outcome(.setAttr, .badOwner))
        #expect(try await session.attributes(file, [.owner]).owner == "0")
    }

    @Test("a list shorter or longer than its attributes is BADXDR (§15.1.1.1)")
    func wrongList() async throws {
        let (session, file) = try await newFile()
        for list in [[], [0, 0, 1], [0, 0, 1, 0xff, 0, 0, 0, 0]] as [[UInt8]] {
            var set = FileAttributes.mode(0o600)
            set.rawList = list
            #expect(try await session.compound(.putFH(file), .setAttr(set)).outcome == Outcome(.setAttr, .badXDR), "\(list)")
        }
    }

    @Test("the size of what is no regular file cannot be set: WRONG_TYPE, as ISDIR and SYMLINK are not among its statuses (§15.2)")
    func sizeOfOtherTypes() async throws {
        let (session, directory) = try await newDirectory()
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "x"), "link"), .getFH).fileHandle
        let fifo = try await session.run(.putFH(directory), .create(.fifo, "fifo"), .getFH).fileHandle
        for handle in [directory, link, fifo] {
            #expect(try await session.compound(.putFH(handle), .setAttr(.size(0))).outcome == Outcome(.setAttr, .wrongType))
        }
    }

    @Test("who is not the owner may not change the mode, and who is not root may not give a file away")
    func notOwner() async throws {
        let (session, file) = try await newFile()
        #expect(try await session.compound(.putFH(file), .setAttr(.mode(0o777)), credential: .user).outcome == Outcome(.setAttr, .perm))
        try await session.run(.putFH(file), .setAttr(FileAttributes([.owner: .string("1000")])))
        #expect(try await session.compound(.putFH(file), .setAttr(.mode(0o700)), credential: .user).status == .ok)
        let away = FileAttributes([.owner: .string("1001")])
        #expect(try await session.compound(.putFH(file), .setAttr(away), credential: .user).outcome == Outcome(.setAttr, .perm))
    }

    @Test("who may not write may not set the size, with the anonymous stateid: ACCESS")
    func sizeWithoutPermission() async throws {
        let (session, file) = try await newFile(mode: 0o644)
        #expect(try await session.compound(.putFH(file), .setAttr(.size(0)), credential: .user).outcome == Outcome(.setAttr, .access))
    }

    @Test("an open for writing may set the size whatever the mode has become")
    func sizeThroughOpen() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", .guarded(.mode(0o600)), credential: .user)
        try await session.run(.putFH(file.handle), .setAttr(.mode(0)), credential: .user)
        let reply = try await session.compound(.putFH(file.handle), .setAttr(.size(9), stateID: file.stateID), credential: .user)
        #expect(reply.status == .ok)
    }

    @Test("an open for reading may not set the size: OPENMODE")
    func sizeThroughReadOpen() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", access: .read)
        let reply = try await session.compound(.putFH(file.handle), .setAttr(.size(0), stateID: file.stateID))
        #expect(reply.outcome == Outcome(.setAttr, .openMode))
    }

    @Test("a stateid that is none is BAD_STATEID when the size is set")
    func badStateID() async throws {
        let (session, file) = try await newFile()
        let stateID = StateID(seqid: 1, other: Array(repeating: 0x5a, count: 12))
        #expect(try await session.compound(.putFH(file), .setAttr(.size(0), stateID: stateID)).outcome == Outcome(.setAttr, .badStateID))
    }

    @Test("the size cannot be set against a share reservation: LOCKED with the anonymous stateid (§9.1.2)")
    func sizeAgainstDeny() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", deny: .write)
        #expect(try await newSession().compound(.putFH(file.handle), .setAttr(.size(0))).outcome == Outcome(.setAttr, .locked))
    }

    @Test("a size beyond what a file can have is FBIG")
    func hugeSize() async throws {
        let (session, file) = try await newFile()
        for size in [UInt64.max, 1 << 63, 1 << 62] {
            #expect(try await session.compound(.putFH(file), .setAttr(.size(size))).outcome == Outcome(.setAttr, .fBig))
        }
    }

    @Test("an old stateid is OLD_STATEID when the size is set, and of no account else")
    func oldStateID() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let newer = try await session.open(directory, "file")
        #expect(newer.stateID.seqid > file.stateID.seqid)
        let reply = try await session.compound(.putFH(file.handle), .setAttr(.size(0), stateID: file.stateID))
        #expect(reply.outcome == Outcome(.setAttr, .oldStateID))
        try await session.run(.putFH(file.handle), .setAttr(.mode(0o600), stateID: file.stateID))
    }

    @Test("the READ bypass stateid counts as the anonymous one (§8.2.3)")
    func readBypass() async throws {
        let (session, file) = try await newFile()
        try await session.run(.putFH(file), .setAttr(.size(1), stateID: .readBypass))
        let (owner, directory) = try await newDirectory()
        let denied = try await owner.open(directory, "file", deny: .write)
        let reply = try await session.compound(.putFH(denied.handle), .setAttr(.size(0), stateID: .readBypass))
        #expect(reply.outcome == Outcome(.setAttr, .locked))
    }

    @Test("the root of the name space takes no attributes: ROFS")
    func readOnly() async throws {
        #expect(try await newSession().compound(.putRootFH, .setAttr(.mode(0o777))).outcome == Outcome(.setAttr, .roFS))
    }

    // MARK: More than one attribute

    @Test("what was set before something was refused is told of, and stays set (§18.30.3)")
    func partly() async throws {
        let (session, file) = try await newFile()
        let set = FileAttributes([
            .size: .uint64(1), .owner: .string("1001"), .mode: .uint32(0o600), .timeModifySet: .setTime(.client(Time(seconds: 5))),
        ])
        let reply = try await session.compound(.putFH(file), .setAttr(set), credential: .user)
        #expect(reply.outcome == Outcome(.setAttr, .perm))
        #expect(try reply.attributesSet == [.size])
        let attributes = try await session.attributes(file, [.size, .owner, .mode])
        #expect((attributes.size, attributes.owner, attributes.mode) == (1, "0", 0o666))
    }

    @Test("values are refused before anything is set")
    func refusedAsAWhole() async throws {
        let (session, file) = try await newFile()
        let set = FileAttributes([.size: .uint64(1), .mode: .uint32(0o600), .owner: .string("no one")])
        let reply = try await session.compound(.putFH(file), .setAttr(set))
        #expect(reply.outcome == Outcome(.setAttr, .badOwner))
        #expect(try reply.attributesSet.bits.isEmpty)
        #expect(try await session.attributes(file, [.size, .mode]).values == [.size: .uint64(4), .mode: .uint32(0o666)])
    }

    @Test("a new owner, mode and times are set at once, in an order that keeps all of them")
    func together() async throws {
        let (session, file) = try await newFile()
        let time = Time(seconds: 77, nanoseconds: 7)
        let set = FileAttributes([
            .size: .uint64(9), .mode: .uint32(0o6755), .owner: .string("1000"), .ownerGroup: .string("2000"),
            .timeModifySet: .setTime(.client(time)),
        ])
        let reply = try await session.run(.putFH(file), .setAttr(set), .getAttr([.size, .mode, .owner, .ownerGroup, .timeModify]))
        #expect(try reply.attributesSet == set.set)
        let attributes = try reply.attributes
        #expect((attributes.size, attributes.mode, attributes.owner, attributes.ownerGroup) == (9, 0o6755, "1000", "2000"))
        #expect(attributes.time(.timeModify) == time)
    }

    // MARK: Mode

    @Test("mode_set_masked changes the bits of its mask alone (§6.2.5)")
    func masked() async throws {
        let (session, file) = try await newFile(mode: 0o644)
        let set = FileAttributes([.modeSetMasked: .uint32Pair(0o4007, 0o4070)])
        let reply = try await session.run(.putFH(file), .setAttr(set), .getAttr([.mode]))
        #expect(try reply.attributesSet == [.modeSetMasked])
        #expect(try reply.attributes.mode == 0o4604)
    }

    @Test("mode_set_masked is INVAL with bits there are none of in either word, and together with mode (§6.2.5)")
    func badMask() async throws {
        let (session, file) = try await newFile()
        for set in [
            FileAttributes([.modeSetMasked: .uint32Pair(0o10000, 0)]), FileAttributes([.modeSetMasked: .uint32Pair(0, 0o10000)]),
            FileAttributes([.modeSetMasked: .uint32Pair(0, 0), .mode: .uint32(0o600)]),
        ] {
            #expect(try await session.compound(.putFH(file), .setAttr(set)).outcome == Outcome(.setAttr, .inval))
        }
    }

    @Test("mode_set_masked has no place in CREATE and OPEN: INVAL (§6.2.5)")
    func maskedInCreation() async throws {
        let (session, directory) = try await newDirectory()
        let set = FileAttributes([.modeSetMasked: .uint32Pair(0o700, 0o777)])
        let create = try await session.compound(.putFH(directory), .create(.directory, "new", set))
        #expect(create.outcome == Outcome(.create, .inval))
        let open = try await session.compound(.putFH(directory), .open(.null("new"), .guarded(set)))
        #expect(open.outcome == Outcome(.open, .inval))
    }

    @Test("a write by another than the superuser takes the set-user-ID bit away, as does a new size")
    func setUserID() async throws {
        let (session, file) = try await newFile(mode: 0o666)
        try await session.run(.putFH(file), .setAttr(.mode(0o4777)))
        try await session.run(.putFH(file), .setAttr(.size(1)), credential: .user)
        #expect(try await session.attributes(file, [.mode]).mode == 0o777)
    }

    @Test("time_create cannot be set here: ATTRNOTSUPP, as it is no attribute to be read alone (§5.7)")
    func timeCreate() async throws {
        let (session, file) = try await newFile()
        let set = FileAttributes([.timeCreate: .time(Time(seconds: 1))])
        #expect(try await session.compound(.putFH(file), .setAttr(set)).outcome == Outcome(.setAttr, .attrNotSupp))
    }

    @Test("a settime4 of no kind there is, is BADXDR")
    func badTime() async throws {
        let (session, file) = try await newFile()
        var set = FileAttributes([.timeModifySet: .setTime(.server)])
        set.rawList = [0, 0, 0, 2]
        #expect(try await session.compound(.putFH(file), .setAttr(set)).outcome == Outcome(.setAttr, .badXDR))
    }

    // MARK: Access control lists

    @Test("a list changes the mode, and a mode the list (§6.4.1)", .withACLs)
    func acl() async throws {
        let (session, file) = try await newFile(mode: 0o4666)
        let acl = [
            ACE.allow("OWNER@", ACE.readData | ACE.write), .allow("1000", ACE.readData | ACE.write),
            .allow("2000", ACE.readData, flag: ACE.identifierGroup), .allow("EVERYONE@", 0, flag: ACE.inherited),
        ]
        let reply = try await session.run(.putFH(file), .setAttr(.acl(acl)), .getAttr([.mode, .acl]))
        #expect(try reply.attributesSet == [.acl])
        #expect(try reply.attributes.mode == 0o4660)
        let own = try #require(try reply.attributes.acl)
        #expect(own.filter { $0.type == 0 }.map(\.who) == ["OWNER@", "1000", "GROUP@", "2000", "EVERYONE@"])
        #expect(own.allSatisfy { $0.flag == ($0.who == "2000" ? ACE.identifierGroup : 0) })
        try await session.run(.putFH(file), .setAttr(.acl(own)), .verify(.acl(own)))
        // Nobody named keeps what the mode takes from the group.
        let after = try await session.run(.putFH(file), .setAttr(.mode(0o600)), .getAttr([.mode, .acl])).attributes
        #expect(after.mode == 0o600)
        let named = try #require(after.acl).filter { $0.type == 0 && ["1000", "2000"].contains($0.who) }
        #expect(named.allSatisfy { $0.mask & (ACE.readData | ACE.write) == 0 })
        // Both at once: the mode first, then the list (§6.4.1.3).
        var both = FileAttributes.acl([.allow("OWNER@", ACE.readData)])
        both.values[.mode] = .uint32(0o2777)
        #expect(try await session.run(.putFH(file), .setAttr(both), .getAttr([.mode])).attributes.mode == 0o2400)
    }

    @Test("a new file takes the list it is made with, or what its directory has for it (§6.4.3)", .withACLs)
    func aclOfNewFiles() async throws {
        let (session, directory) = try await newDirectory()
        let inherit = ACE.fileInherit | ACE.directoryInherit | ACE.inheritOnly
        let acl = [
            ACE.allow("EVERYONE@", ACE.readData | ACE.write | ACE.execute), .allow("OWNER@", ACE.readData | ACE.write, flag: inherit),
            .allow("1000", ACE.readData, flag: inherit),
        ]
        try await session.run(.putFH(directory), .setAttr(.acl(acl)))
        let kept = try #require(await session.attributes(directory, [.acl]).acl).filter { $0.flag != 0 }
        #expect(kept.filter { $0.type == 0 }.map(\.who) == ["OWNER@", "1000", "GROUP@", "EVERYONE@"])
        #expect(kept.allSatisfy { $0.flag == inherit })
        let file = try await session.makeFile(directory, "file", mode: 0o666)
        #expect(try await session.attributes(file, [.mode]).mode == 0o640)
        let open = Operation.open(.null("own"), .guarded(.acl([.allow("OWNER@", ACE.readData)])))
        let reply = try await session.run(.putFH(directory), open, .getAttr([.mode]))
        #expect(try reply.open.attributesSet == [.acl])
        #expect(try reply.attributes.mode == 0o400)
        let made = try await session.run(
            .putFH(directory), .create(.directory, "inner", .acl([.allow("OWNER@", ACE.readData)])), .getAttr([.mode, .acl]))
        #expect(try made.attributes.mode == 0o400)
        #expect(try #require(try made.attributes.acl).allSatisfy { $0.flag == 0 })
    }

    @Test("an entry that cannot be kept is ATTRNOTSUPP (§6.2.1.2, §6.2.1.4)", .withACLs)
    func unsupportedEntries() async throws {
        let (session, file) = try await newFile(mode: 0o640)
        for entry in [
            ACE(type: 2, flag: ACE.successfulAccess, mask: ACE.readData, who: "EVERYONE@"),
            ACE(type: 3, flag: 0, mask: 0, who: "EVERYONE@"),
            .deny("EVERYONE@", ACE.readAttributes), .deny("OWNER@", ACE.writeACL), .allow("EVERYONE@", 1, flag: ACE.fileInherit),
            .allow("EVERYONE@", 1, flag: ACE.inheritOnly), .allow("NETWORK@", 1), .deny("ANONYMOUS@", 1),
        ] {
            let reply = try await session.compound(.putFH(file), .setAttr(.acl([.allow("OWNER@", 1), entry])))
            #expect(reply.outcome == Outcome(.setAttr, .attrNotSupp), "\(entry)")
            #expect(try reply.attributesSet.bits.isEmpty)
        }
        #expect(try await session.attributes(file, [.mode]).mode == 0o640)
    }

    @Test("an entry the protocol does not define is INVAL", .withACLs)
    func undefinedEntries() async throws {
        let (session, file) = try await newFile()
        for entry in [
            ACE(type: 4, flag: 0, mask: 0, who: "EVERYONE@"), .allow("EVERYONE@", 0x800), .allow("EVERYONE@", 0x8000_0000),
            .allow("EVERYONE@", 1, flag: 0x100), .allow("EVERYONE@", 1, flag: ACE.successfulAccess),
        ] {
            let reply = try await session.compound(.putFH(file), .setAttr(.acl([entry])))
            #expect(reply.outcome == Outcome(.setAttr, .inval), "\(entry)")
        }
        let tooMany = Array(repeating: ACE.allow("EVERYONE@", 1), count: 5000)
        #expect(try await session.compound(.putFH(file), .setAttr(.acl(tooMany))).outcome == Outcome(.setAttr, .inval))
    }

    @Test("an entry for nobody known is BADOWNER, one cut short BADXDR", .withACLs)
    func badEntries() async throws {
        let (session, file) = try await newFile()
        for who in ["", "alice@nowhere.example", "FOO@", "owner@", "007"] {
            let reply = try await session.compound(.putFH(file), .setAttr(.acl([.allow(who, 1)])))
            #expect(reply.outcome == Outcome(.setAttr, .badOwner), "\(who)")
        }
        for list in [[0, 0, 0, 1], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9]] as [[UInt8]] {
            var set = FileAttributes.acl([])
            set.rawList = list
            #expect(try await session.compound(.putFH(file), .setAttr(set)).outcome == Outcome(.setAttr, .badXDR))
        }
    }

    @Test("without lists, one is ATTRNOTSUPP")
    func noLists() async throws {
        let (session, file) = try await newFile()
        guard try #require(await session.attributes(file, [.supportedAttrs]).supported).contains(.acl) == false else { return }
        #expect(try await session.compound(.putFH(file), .setAttr(.acl([]))).outcome == Outcome(.setAttr, .attrNotSupp))
    }

    @Test("an empty list leaves nobody any right, and the owner the right to set another (§6.4.3)", .withACLs)
    func emptyList() async throws {
        let (session, file) = try await newFile()
        try await session.run(.putFH(file), .setAttr(FileAttributes([.owner: .string("1000")])))
        let reply = try await session.run(.putFH(file), .setAttr(.acl([])), .getAttr([.mode]), credential: .user)
        #expect(try reply.attributes.mode == 0)
        try await session.run(.putFH(file), .setAttr(.acl([.allow("OWNER@", ACE.readData)])), credential: .user)
        let other = try await session.compound(.putFH(file), .setAttr(.acl([])), credential: .otherUser)
        #expect(other.outcome == Outcome(.setAttr, .perm))
    }

    @Test("no attributes are no error")
    func nothing() async throws {
        let (session, file) = try await newFile()
        #expect(try await session.run(.putFH(file), .setAttr(.none)).attributesSet.bits.isEmpty)
    }
}
