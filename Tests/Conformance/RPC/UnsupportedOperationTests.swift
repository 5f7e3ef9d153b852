import NFSTestClient
import Testing

@Suite("Operations a server without the feature refuses")
struct UnsupportedOperationTests {
    @Test(
        "operations only minor version 0 has are NOTSUPP (RFC 8881 §18, Table 14)",
        arguments: [.openConfirm(.anonymous), .renew(), .setClientID(), .setClientIDConfirm(), .releaseLockOwner()] as [Operation])
    func minorVersionZero(_ operation: Operation) async throws {
        let reply = try await newSession().compound(.putRootFH, operation)
        #expect(reply.status == .notSupp)
        #expect(reply.results.last?.code.rawValue == operation.code)
    }

    @Test("pNFS operations are NOTSUPP where no layout is offered (RFC 8881 §18.40 to §18.44)")
    func layouts() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        for operation in [Operation.getDeviceInfo(), .getDeviceList(), .layoutCommit(), .layoutGet(), .layoutReturn()] {
            let reply = try await session.compound(.putFH(file), operation)
            #expect(reply.status == .notSupp)
            #expect(reply.results.last?.code.rawValue == operation.code)
        }
    }

    @Test("OPENATTR is NOTSUPP where named attributes are not supported (RFC 8881 §18.17)", arguments: [true, false])
    func openAttr(_ create: Bool) async throws {
        let reply = try await newSession().compound(.putRootFH, .openAttr(create: create))
        #expect(reply.outcome == Outcome(.openAttr, .notSupp))
    }

    @Test("SET_SSV fails on a client ID without SSV (RFC 8881 §18.47)")
    func setSSV() async throws {
        let reply = try await newSession().compound(.setSSV())
        #expect([.notSupp, .inval, .badSessionDigest].contains(reply.status))
    }

    @Test("GET_DIR_DELEGATION is unavailable or NOTSUPP, so that a GETATTR after it can be sent again (RFC 8881 §18.39)")
    func getDirDelegation() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .getDirDelegation(), .getAttr([.type]))
        #expect([.ok, .notSupp, .dirDelegUnavail].contains(reply.status))
    }

    @Test("WANT_DELEGATION is refused where none is offered (RFC 8881 §18.49)")
    func wantDelegation() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let reply = try await session.compound(.putFH(file), .wantDelegation())
        #expect(reply.outcome == Outcome(.wantDelegation, .notSupp))
    }

    @Test("DELEGRETURN of a stateid that is no delegation is BAD_STATEID or NOTSUPP (RFC 8881 §18.6)")
    func delegReturn() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let reply = try await session.compound(.putFH(file.handle), .delegReturn(file.stateID))
        #expect([.badStateID, .notSupp].contains(reply.status))
    }

    @Test("DELEGPURGE is NOTSUPP where no delegation outlives its client (RFC 8881 §18.5)")
    func delegPurge() async throws {
        #expect(try await newSession().compound(.delegPurge()).outcome == Outcome(.delegPurge, .notSupp))
    }
}
