import ConformanceRecord
import NFSTestClient
import Testing

@Suite("OPEN with OPEN4_CREATE (RFC 8881 §18.16.3)", .covers(.open))
struct OpenCreateTests {
    private let verifier = Verifier(.random(in: 1 ... .max))

    @Test("UNCHECKED4 creates with the attributes given and says which it set")
    func unchecked() async throws {
        let (session, directory) = try await newDirectory()
        let attributes = FileAttributes([.mode: .uint32(0o604), .size: .uint64(0)])
        let reply = try await session.run(.putFH(directory), .open(.null("file"), .unchecked(attributes)), .getAttr([.mode, .type]))
        #expect(try reply.attributes.mode == 0o604)
        #expect(try reply.attributes.type == .regular)
        #expect(try reply.open.attributesSet == [.mode, .size])
    }

    @Test("UNCHECKED4 opens what is there and leaves its attributes alone")
    func uncheckedExisting() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3], mode: 0o640)
        let opened = try await session.open(directory, "file", .unchecked(.mode(0o777)))
        #expect(opened.handle == file)
        #expect(try await session.attributes(file, [.mode]).mode == 0o640)
        #expect(try await session.read(file) == [1, 2, 3])
        #expect(opened.result.attributesSet == [])
    }

    @Test("UNCHECKED4 with a size of zero empties what is there")
    func truncate() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let opened = try await session.open(directory, "file", .unchecked(.size(0)))
        #expect(try await session.attributes(file, [.size]).size == 0)
        #expect(opened.result.attributesSet == [.size])
    }

    @Test("UNCHECKED4 with another size leaves what is there as it is")
    func otherSize() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let opened = try await session.open(directory, "file", .unchecked(.size(1)))
        #expect(opened.result.attributesSet == [])
        #expect(try await session.attributes(file, [.size]).size == 3)
    }

    @Test("UNCHECKED4 of a new file gives it the size asked for, zeros all of it")
    func newSize() async throws {
        let (session, directory) = try await newDirectory()
        let opened = try await session.open(directory, "file", .unchecked(FileAttributes([.mode: .uint32(0o600), .size: .uint64(5)])))
        #expect(opened.result.attributesSet == [.mode, .size])
        #expect(try await session.read(opened.handle, opened.stateID) == [0, 0, 0, 0, 0])
    }

    @Test("UNCHECKED4 for reading alone empties a file the caller may write, unless somebody denies writing")
    func truncateReading() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let holder = try await session.open(directory, "file", access: .read, deny: .write, owner: "holder")
        let open = Operation.open(.null("file"), .unchecked(.size(0)), access: .read, owner: "other")
        #expect(try await session.compound(.putFH(directory), open).outcome == Outcome(.open, .shareDenied))
        #expect(try await session.attributes(file, [.size]).size == 3)
        try await session.close(holder)
        #expect(try await session.compound(.putFH(directory), open).outcome == Outcome(.open, .ok))
        #expect(try await session.attributes(file, [.size]).size == 0)
    }

    @Test("an owner that has the file open keeps that open as it was when emptying the file is refused")
    func refusedTruncation() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3], mode: 0o644)
        let opened = try await session.open(directory, "file", .noCreate, access: .read, credential: .user)
        let open = Operation.open(.null("file"), .unchecked(.size(0)), access: .read)
        #expect(try await session.compound(.putFH(directory), open, credential: .user).outcome == Outcome(.open, .access))
        #expect(try await session.run(.testStateID([opened.stateID])).statuses == [.ok])
        let denying = Operation.open(.null("file"), .unchecked(.size(0)), access: .read, deny: .read)
        #expect(try await session.compound(.putFH(directory), denying).outcome == Outcome(.open, .shareDenied))
        #expect(try await session.run(.testStateID([opened.stateID])).statuses == [.ok])
        try await session.close(opened)
        #expect(try await session.attributes(file, [.size]).size == 3)
        _ = try await session.open(directory, "file", deny: .both)
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
        // What holds the verifier is among it, for the client to set (§18.16.4).
        #expect(first.result.attributesSet == [.mode, .timeAccess, .timeModify])
        let retry = try await session.open(directory, "file", how)
        #expect(retry.result.attributesSet == first.result.attributesSet)
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
        let refused: [FileAttributes] = [
            FileAttributes([.timeModifySet: .setTime(.server)]), FileAttributes([.timeAccessSet: .setTime(.server)]),
            FileAttributes([.fileID: .uint64(1)]), FileAttributes([.system: .bool(true)]),
        ]
        for attributes in refused {
            #expect(attributes.values.keys.allSatisfy { !allowed.contains($0) })
            let reply = try await session.compound(.putFH(directory), .open(.null("file"), .exclusive41(verifier, attributes)))
            #expect(reply.outcome == Outcome(.open, .inval), "\(attributes)")
        }
        #expect(try await session.entries(directory).isEmpty)
    }

    @Test("EXCLUSIVE4 works where sessions are not persistent (§18.16.3)")
    func exclusive4() async throws {
        let (session, directory) = try await newDirectory()
        let first = try await session.open(directory, "file", .exclusive(verifier))
        #expect(first.result.attributesSet == [.timeAccess, .timeModify])
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
        #expect(made.atomic && made.before == before)
        #expect(made.before != made.after)
        #expect(try await session.attributes(directory, [.change]).change == made.after)
        let found = try await session.open(directory, "file", owner: "second").result.change
        #expect(found.atomic && found.before == made.after && found.after == made.after)
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

    @Test("an owner that is no user is BADOWNER, one the caller may not give files to is PERM, and nothing is made")
    func owners() async throws {
        let (session, directory) = try await newDirectory()
        for (owner, status) in [("nobody at all", Status.badOwner), ("", .badOwner), ("1001", .perm)] {
            let open = Operation.open(.null("file"), .guarded(FileAttributes([.owner: .string(owner)])))
            #expect(try await session.compound(.putFH(directory), open, credential: .user).outcome == Outcome(.open, status))
        }
        #expect(try await session.entries(directory).isEmpty)
    }

    @Test("a size no file can have is FBIG, and nothing is made")
    func size() async throws {
        let (session, directory) = try await newDirectory()
        for how in [Operation.OpenHow.unchecked(.size(1 << 63)), .guarded(.size(.max)), .exclusive41(verifier, .size(.max))] {
            #expect(try await session.compound(.putFH(directory), .open(.null("file"), how)).outcome == Outcome(.open, .fBig))
        }
        #expect(try await session.entries(directory).isEmpty)
    }

    @Test("a name taken by something else: GUARDED4 and exclusive creates are EXIST, whatever it is")
    func otherTypes() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeDirectory(directory, "directory")
        try await session.run(.putFH(directory), .create(.symlink(to: "target"), "link"))
        for name in ["directory", "link"] {
            for how in [Operation.OpenHow.guarded(.none), .exclusive(verifier), .exclusive41(verifier, .none)] {
                #expect(try await session.compound(.putFH(directory), .open(.null(name), how)).outcome == Outcome(.open, .exist))
            }
        }
    }

    @Test("creating by a claim without a name is INVAL (§18.16.3)")
    func createByHandle() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        for claim in [Operation.OpenClaim.fileHandle, .previous(0), .delegateCurrentFH(.anonymous), .delegatePreviousFH] {
            for how in [Operation.OpenHow.unchecked(.none), .guarded(.none), .exclusive(verifier), .exclusive41(verifier, .none)] {
                #expect(try await session.compound(.putFH(file), .open(claim, how)).outcome == Outcome(.open, .inval))
            }
        }
    }
}
