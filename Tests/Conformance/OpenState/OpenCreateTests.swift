import NFSTestClient
import Testing

@Suite("OPEN with OPEN4_CREATE (RFC 8881 §18.16.3)")
struct OpenCreateTests {
    private let verifier = Verifier(.random(in: 1 ... .max))

    @Test("UNCHECKED4 creates with the attributes given and says which it set")
    func unchecked() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = FileAttributes([.mode: .uint32(0o604), .size: .uint64(0)])
        let reply = try await session.run(.putFH(directory), .open(.null("file"), .unchecked(attributes)), .getAttr([.mode, .type]))
        #expect(try reply.attributes.mode == 0o604)
        #expect(try reply.attributes.type == .regular)
        #expect(try reply.open.attributesSet.contains(.mode))
    }

    @Test("UNCHECKED4 opens what is there and leaves its attributes alone")
    func uncheckedExisting() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3], mode: 0o640)
        let opened = try await session.open(directory, "file", .unchecked(.mode(0o777)))
        #expect(opened.handle == file)
        #expect(try await session.attributes(file, [.mode]).mode == 0o640)
        #expect(try await session.read(file) == [1, 2, 3])
        #expect(!opened.result.attributesSet.contains(.mode))
    }

    @Test("UNCHECKED4 with a size of zero empties what is there")
    func truncate() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let opened = try await session.open(directory, "file", .unchecked(.size(0)))
        #expect(try await session.attributes(file, [.size]).size == 0)
        #expect(opened.result.attributesSet.contains(.size))
    }

    @Test("UNCHECKED4 does not empty a file the caller may not write")
    func truncateWithoutPermission() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3], mode: 0o644)
        for access in [Share.read, .write] {
            let open = Operation.open(.null("file"), .unchecked(.size(0)), access: access)
            #expect(try await session.compound(.putFH(directory), open, credential: .user).outcome == Outcome(.open, .access))
        }
        #expect(try await session.attributes(file, [.size]).size == 3)
    }

    @Test("a failing UNCHECKED4 open against a share reservation does not empty the file")
    func truncateAgainstDeny() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        _ = try await session.open(directory, "file", access: .read, deny: .write, owner: "holder")
        let open = Operation.open(.null("file"), .unchecked(.size(0)), owner: "other")
        #expect(try await session.compound(.putFH(directory), open).outcome == Outcome(.open, .shareDenied))
        #expect(try await session.attributes(file, [.size]).size == 3)
    }

    @Test("GUARDED4 of a name that is taken is EXIST")
    func guarded() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file", [1])
        let open = Operation.open(.null("file"), .guarded(.size(0)))
        #expect(try await session.compound(.putFH(directory), open).outcome == Outcome(.open, .exist))
    }

    @Test("EXCLUSIVE4_1 creates with attributes; its retry finds the file, another verifier is EXIST")
    func exclusive() async throws {
        let (session, directory) = try await newDirectory()
        let how = Operation.OpenHow.exclusive41(verifier, .mode(0o640))
        let first = try await session.open(directory, "file", how)
        #expect(try await session.attributes(first.handle, [.mode]).mode == 0o640)
        let retry = try await session.open(directory, "file", how)
        #expect(retry.handle == first.handle)
        #expect(retry.stateID.other == first.stateID.other)
        let other = Operation.open(.null("file"), .exclusive41(Verifier(~0), .mode(0o640)), owner: "other")
        #expect(try await session.compound(.putFH(directory), other).outcome == Outcome(.open, .exist))
    }

    @Test("EXCLUSIVE4_1 by another client with the same verifier is EXIST: Linux machines started together send equal ones")
    func exclusiveOfAnotherClient() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.open(directory, "file", .exclusive41(verifier, .none))
        let another = try await newSession()
        let open = Operation.open(.null("file"), .exclusive41(verifier, .none))
        #expect(try await another.compound(.putFH(directory), open).outcome == Outcome(.open, .exist))
    }

    @Test("EXCLUSIVE4_1 of a name that was made otherwise is EXIST")
    func exclusiveExisting() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        let open = Operation.open(.null("file"), .exclusive41(verifier, .none))
        #expect(try await session.compound(.putFH(directory), open).outcome == Outcome(.open, .exist))
    }

    @Test("EXCLUSIVE4_1 takes the attributes of suppattr_exclcreat and refuses others with INVAL")
    func exclusiveAttributes() async throws {
        let (session, directory) = try await newDirectory()
        let allowed = try #require(try await session.attributes(directory, [.suppAttrExclCreat]).attributeSet(.suppAttrExclCreat))
        for attribute in [Attribute.timeModifySet, .timeAccessSet] where !allowed.contains(attribute) {
            let attributes = FileAttributes([attribute: .setTime(.server)])
            let reply = try await session.compound(.putFH(directory), .open(.null("file"), .exclusive41(verifier, attributes)))
            #expect([.inval, .attrNotSupp].contains(reply.status), "\(attribute)")
        }
        #expect(try await session.entries(directory).isEmpty)
    }

    @Test("EXCLUSIVE4 works where sessions are not persistent (§18.16.3)")
    func exclusive4() async throws {
        let (session, directory) = try await newDirectory()
        let first = try await session.open(directory, "file", .exclusive(verifier))
        #expect(try await session.open(directory, "file", .exclusive(verifier)).handle == first.handle)
        let other = Operation.open(.null("file"), .exclusive(Verifier(~0)))
        #expect(try await session.compound(.putFH(directory), other).outcome == Outcome(.open, .exist))
    }

    @Test("a new file belongs to its maker, who may write it whatever its mode")
    func makerMayWrite() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", .guarded(.mode(0o444)), credential: .user)
        #expect(try await session.attributes(file.handle, [.owner]).owner == "1000")
        let write = [Operation.putFH(file.handle), .write(file.stateID, [1], .fileSync)]
        #expect(try await session.compound(write, credential: .user).status == .ok)
        let again = Operation.open(.null("file"), owner: "second")
        #expect(try await session.compound(.putFH(directory), again, credential: .user).outcome == Outcome(.open, .access))
    }

    @Test("without write permission in the directory nothing is created: ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o755)
        for how in [Operation.OpenHow.unchecked(.none), .guarded(.none), .exclusive41(verifier, .none)] {
            let reply = try await session.compound(.putFH(closed), .open(.null("file"), how), credential: .user)
            #expect(reply.outcome == Outcome(.open, .access))
        }
    }

    @Test("change_info spans the change of the directory when a file is made, and none when it was there")
    func changeInfo() async throws {
        let (session, directory) = try await newDirectory()
        let before = try await session.attributes(directory, [.change]).change
        let made = try await session.open(directory, "file").result.change
        #expect(made.before == before)
        #expect(made.before != made.after)
        #expect(try await session.attributes(directory, [.change]).change == made.after)
        let found = try await session.open(directory, "file", owner: "second").result.change
        #expect(found.before == found.after)
    }

    @Test("an attribute that cannot be set or is not supported is refused, and nothing is made")
    func badAttributes() async throws {
        let (session, directory) = try await newDirectory()
        let readOnly = Operation.open(.null("file"), .unchecked(FileAttributes([.fileID: .uint64(1)])))
        #expect(try await session.compound(.putFH(directory), readOnly).outcome == Outcome(.open, .inval))
        let unsupported = Operation.open(.null("file"), .guarded(FileAttributes([.system: .bool(true)])))
        #expect(try await session.compound(.putFH(directory), unsupported).outcome == Outcome(.open, .attrNotSupp))
        #expect(try await session.entries(directory).isEmpty)
    }

    @Test("creating by filehandle is INVAL")
    func createByHandle() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let reply = try await session.compound(.putFH(file), .open(.fileHandle, .guarded(.none)))
        #expect([.inval, .exist].contains(reply.status))
    }
}
