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

    @Test("the tag comes back as it was", arguments: ["", "t", "four", "five5", "größe", String(repeating: "x", count: 500)])
    func tag(_ tag: String) async throws {
        let connection = try await newConnection()
        #expect(try await connection.compound(.exchangeID(.unique()), tag: tag).tag == Array(tag.utf8))
        #expect(try await connection.compound(.putRootFH, tag: tag).tag == Array(tag.utf8))
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

    @Test("a count of operations larger than what follows is BADXDR or GARBAGE_ARGS")
    func countTooLarge() async throws {
        let connection = try await newConnection()
        let arguments = Connection.compoundArguments([.exchangeID(.unique())], count: 1_000_000)
        switch try await connection.call(arguments: arguments).body {
        case .garbageArgs: break
        case .success(let results): #expect([.badXDR, .notOnlyOp, .tooManyOps].contains(try CompoundReply(results).status))
        case let other: Issue.record("answered \(other)")
        }
    }
}
