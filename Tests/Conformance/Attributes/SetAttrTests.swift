import NFSTestClient
import Testing

@Suite("SETATTR (RFC 8881 §18.30)")
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

    @Test("an owner no one can translate is BADOWNER", arguments: ["", "nobody at all@nowhere.invalid", "12x", "-1", "4294967296"])
    func badOwner(_ owner: String) async throws {
        let (session, file) = try await newFile()
        for attribute in [Attribute.owner, .ownerGroup] {
            let reply = try await session.compound(.putFH(file), .setAttr(FileAttributes([attribute: .string(owner)])))
            #expect([.badOwner, .inval].contains(reply.status), "\(attribute)")
        }
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

    @Test("the size of a directory cannot be set")
    func sizeOfDirectory() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .setAttr(.size(0)))
        #expect([.isDir, .inval].contains(reply.status))
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

    @Test("a size beyond what a file can have is refused")
    func hugeSize() async throws {
        let (session, file) = try await newFile()
        let reply = try await session.compound(.putFH(file), .setAttr(.size(.max)))
        #expect([.fBig, .inval].contains(reply.status))
    }

    @Test("no attributes are no error")
    func nothing() async throws {
        let (session, file) = try await newFile()
        #expect(try await session.run(.putFH(file), .setAttr(.none)).attributesSet.bits.isEmpty)
    }
}
