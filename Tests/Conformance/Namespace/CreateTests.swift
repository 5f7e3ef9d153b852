import ConformanceRecord
import NFSTestClient
import Testing

@Suite("CREATE (RFC 8881 §18.4)", .covers(.create))
struct CreateTests {
    @Test(
        "every type but a regular file can be created",
        arguments: [
            (.directory, .directory), (.fifo, .fifo), (.socket, .socket), (.symlink(to: "anywhere"), .symlink),
            (.device(.block, major: 7, minor: 3), .block), (.device(.character, major: 1, minor: 5), .character),
        ] as [(Operation.CreateType, FileType)])
    func types(_ request: Operation.CreateType, _ type: FileType) async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(.putFH(directory), .create(request, "made", .mode(0o640)), .getFH, .getAttr([.type, .rawDev]))
        #expect(try reply.attributes.type == type)
        #expect(try await session.lookup(directory, "made") == reply.fileHandle)
        if case .device(_, let major, let minor) = request {
            #expect(try reply.attributes.values[.rawDev] == .uint32Pair(major, minor))
        }
    }

    @Test("attributes are applied, and the reply says which")
    func attributes() async throws {
        let (session, directory) = try await newDirectory()
        let wanted = FileAttributes([.mode: .uint32(0o751), .owner: .string("1000"), .ownerGroup: .string("1001")])
        let reply = try await session.run(.putFH(directory), .create(.directory, "made", wanted), .getAttr([.mode, .owner, .ownerGroup]))
        #expect(try reply.attributes == wanted)
        #expect(try reply.createdAttributes == wanted.set)
    }

    @Test("an object belongs to who made it")
    func owner() async throws {
        let (session, directory) = try await newDirectory()
        let create = Operation.create(.directory, "made", .mode(0o755))
        let reply = try await session.run(.putFH(directory), create, .getAttr([.owner, .ownerGroup]), credential: .user)
        #expect(try reply.attributes.owner == "1000")
        #expect(try reply.attributes.ownerGroup == "1000")
    }

    @Test("change_info spans the change of the directory")
    func changeInfo() async throws {
        let (session, directory) = try await newDirectory()
        let before = try await session.attributes(directory, [.change]).change
        let info = try await session.run(.putFH(directory), .create(.directory, "made")).change
        let after = try await session.attributes(directory, [.change]).change
        #expect(info.before == before)
        #expect(info.after == after)
        #expect(info.before != info.after)
    }

    @Test("a regular file is BADTYPE, as are named attributes", arguments: [1, 8, 9] as [UInt32])
    func badType(_ type: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .create(.plain(type), "made"))
        #expect(reply.outcome == Outcome(.create, .badType))
    }

    @Test("an undefined type is BADTYPE", arguments: [0, 10, UInt32.max])
    func undefinedType(_ type: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .create(.plain(type), "made"))
        #expect(reply.outcome == Outcome(.create, .badType))
    }

    @Test("a name that is taken is EXIST, whatever has it")
    func exists() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        _ = try await session.makeDirectory(directory, "directory")
        try await session.run(.putFH(directory), .create(.symlink(to: "nowhere"), "dangling"))
        for name in ["file", "directory", "dangling"] {
            for type in [Operation.CreateType.directory, .symlink(to: "x"), .fifo] {
                let reply = try await session.compound(.putFH(directory), .create(type, name))
                #expect(reply.outcome == Outcome(.create, .exist))
            }
        }
    }

    @Test("a name no entry can have is refused", arguments: BadNames.all)
    func badName(_ name: String, _ status: Status) async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .create(.directory, name)).outcome == Outcome(.create, status))
        #expect(try await session.entries(directory).isEmpty)
    }

    @Test("in something that is no directory it is NOTDIR, in a symbolic link too")
    func inFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "."), "link"), .getFH).fileHandle
        for handle in [file, link] {
            #expect(try await session.compound(.putFH(handle), .create(.directory, "made")).outcome == Outcome(.create, .notDir))
        }
    }

    @Test("in a directory that was removed it is STALE")
    func inRemoved() async throws {
        let (session, directory) = try await newDirectory()
        let inner = try await session.makeDirectory(directory, "inner")
        let reply = try await session.compound(
            .putFH(inner), .saveFH, .putFH(directory), .remove("inner"), .restoreFH, .create(.directory, "made"))
        #expect(reply.outcome == Outcome(.create, .stale))
    }

    @Test("devices are for the superuser to make: PERM")
    func deviceOfUser() async throws {
        let (session, directory) = try await newDirectory()
        let create = Operation.create(.device(.character, major: 1, minor: 3), "made")
        let reply = try await session.compound(.putFH(directory), create, credential: .user)
        #expect(reply.outcome == Outcome(.create, .perm))
    }

    @Test("an owner or group the caller may not give is PERM, and nothing is made")
    func ownerOfAnother() async throws {
        let (session, directory) = try await newDirectory()
        for attributes in [FileAttributes([.owner: .string("1001")]), FileAttributes([.ownerGroup: .string("1001")])] {
            let reply = try await session.compound(.putFH(directory), .create(.directory, "made", attributes), credential: .user)
            #expect(reply.outcome == Outcome(.create, .perm))
        }
        #expect(try await session.entries(directory).isEmpty)
    }

    @Test("an owner nobody is called is BADOWNER")
    func badOwner() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = FileAttributes([.owner: .string("no user is called so")])
        let reply = try await session.compound(.putFH(directory), .create(.directory, "made", attributes))
        #expect(reply.outcome == Outcome(.create, .badOwner))
    }

    @Test("numbers no device has are INVAL")
    func badDevice() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .create(.device(.block, major: .max, minor: 1), "made"))
        #expect(reply.outcome == Outcome(.create, .inval))
    }

    @Test("a retry makes nothing new and is answered the same")
    func retry() async throws {
        let (session, directory) = try await newDirectory()
        try await session.runAndRetry(.putFH(directory), .create(.directory, "made"), .getFH)
        #expect(try await session.entries(directory).count == 1)
    }

    @Test("without write permission it is ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o755)
        let reply = try await session.compound(.putFH(closed), .create(.directory, "made"), credential: .user)
        #expect(reply.outcome == Outcome(.create, .access))
    }

    @Test("a symbolic link keeps its target byte for byte")
    func symlinkTarget() async throws {
        let (session, directory) = try await newDirectory()
        let target = Array("../á b//".utf8) + Array(repeating: UInt8(ascii: "t"), count: 900)
        let reply = try await session.run(.putFH(directory), .create(.symlink(target), "link"), .readLink)
        #expect(try reply.link == target)
    }

    @Test("a target of bytes that are no text is kept, one that is empty or has a zero byte is INVAL")
    func strangeTarget() async throws {
        let (session, directory) = try await newDirectory()
        let bytes: [UInt8] = [0xff, 0xfe, 0x2f, 0x80]
        #expect(try await session.run(.putFH(directory), .create(.symlink(bytes), "link"), .readLink).link == bytes)
        for target in [[], [97, 0, 98]] as [[UInt8]] {
            let reply = try await session.compound(.putFH(directory), .create(.symlink(target), "other"))
            #expect(reply.outcome == Outcome(.create, .inval))
        }
    }

    @Test("a target longer than any path is NAMETOOLONG", arguments: [4097, 10_000])
    func longTarget(_ length: Int) async throws {
        let (session, directory) = try await newDirectory()
        let target = Array(repeating: UInt8(ascii: "t"), count: length)
        let reply = try await session.compound(.putFH(directory), .create(.symlink(target), "link"))
        #expect(reply.outcome == Outcome(.create, .nameTooLong))
    }

    @Test("a symbolic link has no mode of its own, and the reply says so")
    func symlinkMode() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = FileAttributes([.mode: .uint32(0o600), .owner: .string("7")])
        let reply = try await session.run(.putFH(directory), .create(.symlink(to: "x"), "link", attributes), .getAttr([.owner]))
        #expect(try reply.createdAttributes == [.owner])
        #expect(try reply.attributes.owner == "7")
    }

    @Test("a size is INVAL: what CREATE makes has none to set")
    func size() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .create(.fifo, "made", .size(0))).outcome == Outcome(.create, .inval))
    }

    @Test("an attribute that is not supported is ATTRNOTSUPP, one that cannot be set is INVAL, and nothing is created")
    func badAttributes() async throws {
        let (session, directory) = try await newDirectory()
        let readOnly = try await session.compound(
            .putFH(directory), .create(.directory, "made", FileAttributes([.fileID: .uint64(1)])))
        #expect(readOnly.outcome == Outcome(.create, .inval))
        let unsupported = try await session.compound(
            .putFH(directory), .create(.directory, "made", FileAttributes([.system: .bool(true)])))
        #expect(unsupported.outcome == Outcome(.create, .attrNotSupp))
        #expect(try await session.entries(directory).isEmpty)
    }
}
