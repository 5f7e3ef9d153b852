import ConformanceRecord
import NFSTestClient
import Testing

@Suite("ACCESS (RFC 8881 §18.1)", .covers(.access))
struct AccessTests {
    private func access(_ session: TestSession, _ handle: FileHandle, _ credential: Credential = .user) async throws -> AccessBits {
        let reply = try await session.compound(.putFH(handle), .access(.all), credential: credential).succeeded()
        let (supported, granted) = try reply.access
        #expect(granted.isSubset(of: supported))
        return granted
    }

    @Test("the mode of a file decides for owner, group and others")
    func file() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let owned = FileAttributes([.owner: .string("1000"), .ownerGroup: .string("5000"), .mode: .uint32(0o641)])
        try await session.run(.putFH(file), .setAttr(owned))
        #expect(try await access(session, file, .user) == [.read, .modify, .extend])
        #expect(try await access(session, file, .sys(uid: 1001, gid: 5000)) == [.read])
        #expect(try await access(session, file, .sys(uid: 1001, gid: 1001, groups: [3, 5000])) == [.read])
        #expect(try await access(session, file, .otherUser) == [.execute])
    }

    @Test("the mode of a directory decides over lookup, modify, extend and delete")
    func directory() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await access(session, directory).isSuperset(of: [.read, .lookup, .modify, .extend, .delete]))
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o755)
        #expect(try await access(session, closed).isDisjoint(with: [.modify, .extend, .delete]))
        #expect(try await access(session, closed).isSuperset(of: [.read, .lookup]))
        let shut = try await session.makeDirectory(directory, "shut", mode: 0o700)
        #expect(try await access(session, shut).isEmpty)
    }

    @Test("root may do all but execute what nobody may")
    func root() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", mode: 0)
        #expect(try await access(session, file, .root) == [.read, .modify, .extend])
    }

    @Test("only what was asked is answered", arguments: [AccessBits.read, [.read, .execute], []])
    func asked(_ bits: AccessBits) async throws {
        let (session, directory) = try await newDirectory()
        let (supported, granted) = try await session.run(.putFH(directory), .access(bits)).access
        #expect(supported.isSubset(of: bits))
        #expect(granted.isSubset(of: supported))
    }

    @Test("a right that makes no sense for the type is neither supported nor granted (§18.1.3, §18.1.4)")
    func supported() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", mode: 0o777)
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "x"), "link"), .getFH).fileHandle
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        let ofFiles: AccessBits = [.read, .modify, .extend, .execute]
        let ofDirectories: AccessBits = [.read, .lookup, .modify, .extend, .delete]
        for (handle, expected) in [(file, ofFiles), (link, ofFiles), (directory, ofDirectories), (root, ofDirectories)] {
            #expect(try await session.run(.putFH(handle), .access(.all)).access.supported == expected)
        }
        #expect(try await session.run(.putFH(root), .access(.all), credential: .root).access.granted == [.read, .lookup])
    }

    @Test("a right the protocol does not define is INVAL", arguments: [0x40, 0x8000_0000, 0xffff_ffff] as [UInt32])
    func undefined(_ bits: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .access(AccessBits(rawValue: bits)))
        #expect(reply.outcome == Outcome(.access, .inval))
    }

    @Test("an access control list decides as the mode does", .withACLs)
    func acl() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", mode: 0o600)
        let acl = [
            ACE.allow("1000", ACE.readData), .allow("5000", ACE.readData | ACE.execute, flag: ACE.identifierGroup), .allow("EVERYONE@", 0),
        ]
        try await session.run(.putFH(file), .setAttr(.acl(acl)))
        #expect(try await access(session, file, .user) == [.read])
        #expect(try await access(session, file, .sys(uid: 1001, gid: 5000)) == [.read, .execute])
        #expect(try await access(session, file, .otherUser) == [])
    }

    @Test("ACCESS tells, it does not refuse")
    func neverFails() async throws {
        let (session, directory) = try await newDirectory()
        let shut = try await session.makeDirectory(directory, "shut", mode: 0)
        #expect(try await session.compound(.putFH(shut), .access(.all), credential: .user).status == .ok)
    }
}
