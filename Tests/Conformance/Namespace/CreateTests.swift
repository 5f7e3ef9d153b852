import NFSTestClient
import Testing

@Suite("CREATE (RFC 8881 §18.4)")
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
        #expect(try reply.createdAttributes.contains(.mode))
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

    @Test("an undefined type is BADTYPE or BADXDR", arguments: [0, 10, UInt32.max])
    func undefinedType(_ type: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .create(.plain(type), "made"))
        #expect([.badType, .badXDR].contains(reply.status))
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

    @Test("bad names are refused")
    func names() async throws {
        let (session, directory) = try await newDirectory()
        let expected: [(String, [Status])] = [
            ("", [.inval]), (".", [.badName]), ("..", [.badName]), ("a/b", [.badChar, .badName, .inval]),
            (String(repeating: "n", count: 256), [.nameTooLong]),
        ]
        for (name, statuses) in expected {
            let reply = try await session.compound(.putFH(directory), .create(.directory, name))
            #expect(statuses.contains(reply.status), "\(name)")
        }
    }

    @Test("in something that is no directory it is NOTDIR")
    func inFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await session.compound(.putFH(file), .create(.directory, "made")).outcome == Outcome(.create, .notDir))
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

    @Test("an empty target of a symbolic link is refused")
    func emptyTarget() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .create(.symlink([]), "link"))
        #expect([.inval, .noEnt].contains(reply.status))
    }

    @Test("a target longer than any path is refused", arguments: [4097, 10_000])
    func longTarget(_ length: Int) async throws {
        let (session, directory) = try await newDirectory()
        let target = Array(repeating: UInt8(ascii: "t"), count: length)
        let reply = try await session.compound(.putFH(directory), .create(.symlink(target), "link"))
        #expect([.nameTooLong, .inval].contains(reply.status))
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

@Suite("READLINK (RFC 8881 §18.24)")
struct ReadLinkTests {
    @Test("of anything but a symbolic link it is refused")
    func notLink() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        for handle in [file, directory] {
            let reply = try await session.compound(.putFH(handle), .readLink)
            #expect([.inval, .wrongType, .isDir].contains(reply.status))
        }
    }

    @Test("the size of a symbolic link is the length of its target (§5.8.1.5)")
    func size() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(.putFH(directory), .create(.symlink(to: "target"), "link"), .getAttr([.size]))
        #expect(try reply.attributes.size == 6)
    }
}
