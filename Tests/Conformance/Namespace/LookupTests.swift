import ConformanceRecord
import NFSTestClient
import Testing

@Suite("LOOKUP (RFC 8881 §18.13)", .covers(.lookup))
struct LookupTests {
    @Test("a name leads to its object")
    func found() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2])
        let reply = try await session.run(.putFH(directory), .lookup("file"), .getFH, .getAttr([.type, .size]))
        #expect(try reply.fileHandle == file)
        #expect(try reply.attributes.type == .regular)
        #expect(try reply.attributes.size == 2)
    }

    @Test("several names can be followed in one compound")
    func chain() async throws {
        let (session, directory) = try await newDirectory()
        let a = try await session.makeDirectory(directory, "a")
        let b = try await session.makeDirectory(a, "b")
        #expect(try await session.run(.putFH(directory), .lookup("a"), .lookup("b"), .getFH).fileHandle == b)
    }

    @Test("a name that is not there is NOENT")
    func absent() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .lookup("absent")).outcome == Outcome(.lookup, .noEnt))
    }

    @Test("in a file it is NOTDIR")
    func inFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await session.compound(.putFH(file), .lookup("name")).outcome == Outcome(.lookup, .notDir))
    }

    @Test("in a symbolic link it is SYMLINK, whatever the link points to")
    func inSymlink() async throws {
        let (session, directory) = try await newDirectory()
        let link = try await session.run(.putFH(directory), .create(.symlink(to: "."), "link"), .getFH).fileHandle
        #expect(try await session.compound(.putFH(link), .lookup("name")).outcome == Outcome(.lookup, .symlink))
    }

    @Test("a symbolic link is found itself, not what it points to")
    func symlinkItself() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeDirectory(directory, "target")
        try await session.run(.putFH(directory), .create(.symlink(to: "target"), "link"))
        #expect(try await session.run(.putFH(directory), .lookup("link"), .getAttr([.type])).attributes.type == .symlink)
    }

    @Test("a name no entry can have is refused, whatever is there", arguments: BadNames.all)
    func badName(_ name: String, _ status: Status) async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeDirectory(try await session.makeDirectory(directory, "a"), "b")
        #expect(try await session.compound(.putFH(directory), .lookup(name)).outcome == Outcome(.lookup, status))
    }

    @Test("a slash never separates names", arguments: ["a/", "/a", "../a"])
    func slash(_ name: String) async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeDirectory(try await session.makeDirectory(directory, "a"), "b")
        #expect(try await session.compound(.putFH(directory), .lookup(name)).outcome == Outcome(.lookup, .badChar))
    }

    @Test("bytes that are no UTF-8 are a name like any other, where the export does not say otherwise")
    func anyBytes() async throws {
        let (session, directory) = try await newDirectory()
        let name: [UInt8] = [0xff, 0xc3, 0x28, 0x80]
        let made = try await session.run(.putFH(directory), .create(.directory, bytes: name), .getFH).fileHandle
        #expect(try await session.run(.putFH(directory), .lookup(bytes: name), .getFH).fileHandle == made)
        #expect(try await session.entries(directory).map(\.name) == [name])
    }

    @Test("a failure leaves the current filehandle as it was, and ends the compound")
    func failure() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .lookup("absent"), .getFH)
        #expect(reply.results.count == 3)
    }

    @Test("names that only begin like . and .. are names", arguments: ["...", "..x", ".x", " ", "\\", "*"])
    func dotted(_ name: String) async throws {
        let (session, directory) = try await newDirectory()
        let made = try await session.makeDirectory(directory, name)
        #expect(try await session.lookup(directory, name) == made)
    }

    @Test("255 bytes are a name, 256 are NAMETOOLONG")
    func length() async throws {
        let (session, directory) = try await newDirectory()
        let longest = String(repeating: "é", count: 127) + "x"
        let made = try await session.makeDirectory(directory, longest)
        #expect(try await session.lookup(directory, longest) == made)
        for count in [256, 257, 1000, 5000] {
            let reply = try await session.compound(.putFH(directory), .lookup(String(repeating: "n", count: count)))
            #expect(reply.outcome == Outcome(.lookup, .nameTooLong), "\(count) bytes")
        }
    }

    @Test("upper and lower case are different names (§5.8.2, case_insensitive false)")
    func letterCase() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeDirectory(directory, "Name")
        #expect(try await session.compound(.putFH(directory), .lookup("name")).status == .noEnt)
    }

    @Test("without search permission it is ACCESS")
    func noPermission() async throws {
        let (session, directory) = try await newDirectory()
        let closed = try await session.makeDirectory(directory, "closed", mode: 0o700)
        _ = try await session.makeFile(closed, "file")
        let lookup = [Operation.putFH(closed), .lookup("file")]
        #expect(try await session.compound(lookup, credential: .user).outcome == Outcome(.lookup, .access))
        #expect(try await session.compound(lookup).status == .ok)
    }

    @Test("search permission comes from a supplementary group too")
    func supplementaryGroup() async throws {
        let (session, directory) = try await newDirectory()
        let shared = try await session.makeDirectory(directory, "shared", mode: 0o770)
        try await session.run(.putFH(shared), .setAttr(FileAttributes([.ownerGroup: .string("4242")])))
        _ = try await session.makeFile(shared, "file")
        let lookup = [Operation.putFH(shared), .lookup("file")]
        #expect(try await session.compound(lookup, credential: .user).status == .access)
        #expect(try await session.compound(lookup, credential: .sys(uid: 1000, gid: 1000, groups: [1, 4242])).status == .ok)
        #expect(try await session.compound(lookup, credential: .user).status == .access)
    }
}
