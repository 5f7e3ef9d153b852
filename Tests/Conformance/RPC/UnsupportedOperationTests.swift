import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "GET_DIR_DELEGATION (RFC 8881 §18.39)",
    .covers(
        .getDirDelegation,
        never: [
            .access: "whoever may name a directory may ask",
            .grace: "nothing is granted that could be reclaimed",
            .inval: "every argument that can be decoded has a meaning",
            .io: "no device is asked",
            .notSupp: "that none is to be had is an answer of its own, which Linux goes on after",
            .stale: "the directory was looked at when it became the current filehandle",
        ]))
struct GetDirDelegationTests {
    @Test("none is to be had, which is an answer and no error: the compound goes on")
    func unavailable() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .getDirDelegation(), .getAttr([.type]))
        #expect(reply.results.map(\.status) == [.ok, .ok, .ok, .ok])
    }

    @Test("a client that wants to be told when there is one is answered DIRDELEG_UNAVAIL")
    func signalWanted() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .getDirDelegation()).outcome == Outcome(.getDirDelegation, .ok))
        let reply = try await session.compound(.putFH(directory), .getDirDelegation(signal: true))
        #expect(reply.outcome == Outcome(.getDirDelegation, .dirDelegUnavail))
    }

    @Test("on a file it is NOTDIR")
    func file() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await session.compound(.putFH(file), .getDirDelegation()).outcome == Outcome(.getDirDelegation, .notDir))
    }
}

@Suite(
    "Operations that are not offered (RFC 8881 §17)",
    .covers(
        .delegPurge, .delegReturn, .getDeviceInfo, .getDeviceList, .layoutCommit, .layoutGet, .layoutReturn, .openAttr, .openConfirm,
        .releaseLockOwner, .renew, .setClientID, .setClientIDConfirm, .wantDelegation, .illegal))
struct UnsupportedOperationTests {
    private static let optional: [OperationCode] = [
        .delegPurge, .delegReturn, .getDeviceInfo, .getDeviceList, .layoutCommit, .layoutGet, .layoutReturn, .openAttr, .wantDelegation,
    ]
    private static let retired: [OperationCode] = [.openConfirm, .releaseLockOwner, .renew, .setClientID, .setClientIDConfirm]

    @Test("optional ones and those of NFSv4.0 are NOTSUPP, with and without a current filehandle", arguments: optional + retired)
    func notSupported(_ code: OperationCode) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        #expect(try await session.compound(.sample(code)).outcome == Outcome(code, .notSupp))
        for handle in [file, directory] {
            #expect(try await session.compound(.putFH(handle), .sample(code)).outcome == Outcome(code, .notSupp))
        }
    }

    @Test("optional ones are BADXDR when their arguments are cut short", arguments: optional)
    func truncated(_ code: OperationCode) async throws {
        var operation = Operation.sample(code)
        operation.arguments.removeLast(4)
        #expect(try await newSession().compound(.putRootFH, operation).outcome == Outcome(code, .badXDR))
    }

    @Test("optional ones are OP_NOT_IN_SESSION without a session", arguments: optional)
    func notInSession(_ code: OperationCode) async throws {
        #expect(try await newConnection().compound(.sample(code)).outcome == Outcome(code, .opNotInSession))
    }

    @Test("those of NFSv4.0 are NOTSUPP wherever they stand and whatever follows them (§15.2)", arguments: retired)
    func retiredOperation(_ code: OperationCode) async throws {
        #expect(try await newConnection().compound(.sample(code)).outcome == Outcome(code, .notSupp))
        #expect(try await newSession().compound(Operation(code)).outcome == Outcome(code, .notSupp))
    }

    @Test(
        "values that arguments of optional operations cannot have are BADXDR",
        arguments: [
            (.openAttr, 0, 2), (.wantDelegation, 1, 0), (.wantDelegation, 1, 2), (.layoutCommit, 4, 2), (.layoutGet, 2, 0),
            (.layoutGet, 2, 4),
            (.layoutReturn, 2, 0), (.layoutReturn, 3, 0), (.layoutReturn, 3, 4),
        ] as [(OperationCode, Int, UInt8)])
    func undefinedValues(_ code: OperationCode, _ word: Int, _ value: UInt8) async throws {
        var operation = Operation.sample(code)
        operation.arguments[4 * word + 3] = value
        #expect(try await newSession().compound(.putRootFH, operation).outcome == Outcome(code, .badXDR))
    }
}
