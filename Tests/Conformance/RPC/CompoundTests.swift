import NFSTestClient
import Testing

@Suite("COMPOUND (RFC 8881 §16.2)")
struct CompoundTests {
    @Test("a minor version other than 1 is MINOR_VERS_MISMATCH without results", arguments: [0, 2, 3, UInt32.max])
    func minorVersion(_ minorVersion: UInt32) async throws {
        let reply = try await newConnection().compound(.putRootFH, .getFH, minorVersion: minorVersion, tag: "step down")
        #expect(reply.status == .minorVersMismatch)
        #expect(reply.results.isEmpty)
        #expect(reply.tag == Array("step down".utf8))
    }

    @Test(
        "the tag comes back as it was",
        arguments: ["", "t", "four", "five5", "größe", "\0", String(repeating: "x", count: 500), String(repeating: "x", count: 5000)])
    func tag(_ tag: String) async throws {
        let connection = try await newConnection()
        #expect(try await connection.compound(.exchangeID(.unique()), tag: tag).tag == Array(tag.utf8))
        #expect(try await connection.compound(.putRootFH, tag: tag).tag == Array(tag.utf8))
    }

    @Test(
        "a tag that is not UTF-8 is INVAL without results (§16.2.4)",
        arguments: [[0xff], [0x61, 0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]] as [[UInt8]])
    func tagNotUTF8(_ tag: [UInt8]) async throws {
        let connection = try await newConnection()
        let reply = try await connection.compound([.exchangeID(.unique())], tag: tag)
        #expect(reply.status == .inval)
        #expect(reply.results.isEmpty)
        #expect(reply.tag == tag)
        // The minor version comes first (§16.2.3).
        #expect(try await connection.compound([.putRootFH], minorVersion: 0, tag: tag).status == .minorVersMismatch)
    }

    @Test("no operations are no error")
    func empty() async throws {
        let reply = try await newConnection().compound([])
        #expect(reply.status == .ok)
        #expect(reply.results.isEmpty)
    }

    @Test("an undefined operation is answered OP_ILLEGAL with NFS4ERR_OP_ILLEGAL", arguments: [0, 1, 2, 59, 72, 10044, UInt32.max])
    func illegal(_ code: UInt32) async throws {
        let reply = try await newSession().compound(.putRootFH, Operation(code: code), .getFH)
        #expect(reply.outcome == Outcome(.illegal, .opIllegal))
        #expect(reply.results.count == 3)
    }

    @Test("an operation of minor version 2 is illegal in minor version 1", arguments: 59...71 as ClosedRange<UInt32>)
    func minorVersionTwoOperation(_ code: UInt32) async throws {
        let reply = try await newSession().compound(.putRootFH, Operation(code: code, arguments: Array(repeating: 0, count: 64)))
        #expect(reply.outcome == Outcome(.illegal, .opIllegal))
    }

    @Test(
        "each operation of the minor version is answered under its own number", arguments: OperationCode.allCases.filter { $0 != .illegal })
    func defined(_ code: OperationCode) async throws {
        let session = try await newSession()
        let reply = try await session.compound(.putRootFH, .sample(code))
        #expect(reply.status != .opIllegal)
        #expect(reply.results.last?.code == code)
    }

    @Test("nothing after the first failing operation is carried out")
    func stopsAtFailure() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .lookup("absent"), .putFH(directory), .create(.directory, "made"))
        #expect(reply.outcome == Outcome(.lookup, .noEnt))
        #expect(try await session.entries(directory).isEmpty)
    }

    @Test("an operation cut short is BADXDR, and those before it are carried out")
    func truncatedOperation() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(
            .putFH(directory), .create(.directory, "made"), Operation(code: OperationCode.lookup.rawValue, arguments: [0, 0, 0, 9, 65]))
        #expect(reply.outcome == Outcome(.lookup, .badXDR))
        #expect(try await session.entries(directory).count == 1)
    }

    @Test("a count of operations larger than what follows is BADXDR where the next one would stand")
    func countTooLarge() async throws {
        let session = try await newSession()
        let operations = [await session.nextSequence(), .putRootFH]
        let arguments = Connection.compoundArguments(operations, count: 4)
        let reply = try CompoundReply(try await session.connection.call(arguments: arguments).results)
        #expect(reply.results.map(\.outcome) == [Outcome(.sequence, .ok), Outcome(.putRootFH, .ok), Outcome(.illegal, .badXDR)])
    }

    @Test("a count of operations that an operation forbids is looked at first")
    func enormousCount() async throws {
        let arguments = Connection.compoundArguments([.exchangeID(.unique())], count: 1_000_000)
        let reply = try CompoundReply(try await newConnection().call(arguments: arguments).results)
        #expect(reply.outcome == Outcome(.exchangeID, .notOnlyOp))
    }

    @Test("a count no array can have is GARBAGE_ARGS")
    func impossibleCount() async throws {
        let arguments = Connection.compoundArguments([.exchangeID(.unique())], count: .max)
        #expect(try await newConnection().call(arguments: arguments).body == .garbageArgs)
    }

    @Test("empty compounds of another minor version are MINOR_VERS_MISMATCH as well")
    func emptyOfOtherVersion() async throws {
        #expect(try await newConnection().compound([], minorVersion: 2).status == .minorVersMismatch)
    }

    @Test("an illegal operation at the beginning is illegal, whether or not a session is missing")
    func illegalFirst() async throws {
        #expect(try await newConnection().compound(Operation(code: 2), .putRootFH).outcome == Outcome(.illegal, .opIllegal))
    }
}
