import NFSTestClient
import Testing

@Suite("SECINFO and SECINFO_NO_NAME (RFC 8881 §18.29, §18.45)")
struct SecInfoTests {
    private static let authSys: UInt32 = 1

    @Test("AUTH_SYS is offered for a name")
    func name() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        #expect(try await session.run(.putFH(directory), .secInfo("file")).securityFlavors.contains(Self.authSys))
    }

    @Test("AUTH_SYS is offered for the current filehandle and for its parent", arguments: [0, 1] as [UInt32])
    func noName(_ style: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.run(.putFH(directory), .secInfoNoName(style: style)).securityFlavors.contains(Self.authSys))
    }

    @Test("the current filehandle is consumed (§2.6.3.1.1.8)")
    func consumed() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.makeFile(directory, "file")
        for operation in [Operation.secInfo("file"), .secInfoNoName(), .secInfoNoName(style: 1)] {
            #expect(try await session.compound(.putFH(directory), operation, .getFH).outcome == Outcome(.getFH, .noFileHandle))
        }
    }

    @Test("a name that is not there is NOENT")
    func absent() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .secInfo("absent")).outcome == Outcome(.secInfo, .noEnt))
    }

    @Test("in something that is no directory it is NOTDIR")
    func inFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await session.compound(.putFH(file), .secInfo("x")).outcome == Outcome(.secInfo, .notDir))
    }

    @Test("bad names are refused")
    func names() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .secInfo("")).outcome == Outcome(.secInfo, .inval))
        #expect(try await session.compound(.putFH(directory), .secInfo("..")).outcome == Outcome(.secInfo, .badName))
        let long = String(repeating: "n", count: 256)
        #expect(try await session.compound(.putFH(directory), .secInfo(long)).outcome == Outcome(.secInfo, .nameTooLong))
    }

    @Test("the root has no parent: NOENT")
    func parentOfRoot() async throws {
        let reply = try await newSession().compound(.putRootFH, .secInfoNoName(style: 1))
        #expect(reply.outcome == Outcome(.secInfoNoName, .noEnt))
    }

    @Test("the name of an export can be asked for in the pseudo file system")
    func export() async throws {
        let name = try #require(try await sharedServer().exportPath.first)
        #expect(try await newSession().run(.putRootFH, .secInfo(name)).securityFlavors.contains(Self.authSys))
    }

    @Test("an undefined style is BADXDR or INVAL")
    func undefinedStyle() async throws {
        let reply = try await newSession().compound(.putRootFH, .secInfoNoName(style: 2))
        #expect([.badXDR, .inval].contains(reply.status))
    }
}
