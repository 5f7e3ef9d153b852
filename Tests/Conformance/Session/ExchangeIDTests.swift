import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "EXCHANGE_ID (RFC 8881 §18.35)",
    .covers(
        .exchangeID,
        never: [
            .badChar: "the names in a client's implementation identifier are not looked at (§18.35.3)",
            .hashAlgUnsupp: "the encryption algorithms, of which none is supported either, are looked at first",
        ],
        besides: [.perm: "§18.35.4 has it for the update of another principal's record (case 9)"]))
struct ExchangeIDTests {
    private let owner = ClientOwner.unique()

    private func exchange(
        _ connection: Connection, _ owner: ClientOwner? = nil, update: Bool = false, credential: Credential? = nil
    ) async throws -> CompoundReply {
        let request = Operation.exchangeID(owner ?? self.owner, flags: update ? .updateConfirmedRecord : [])
        return try await connection.compound(request, credential: credential)
    }

    /// A confirmed client whose open keeps its record busy.
    private func confirmedClientWithState() async throws -> TestSession {
        let session = try await TestSession.establish(over: try await sharedServer().connect(), owner: owner)
        _ = try await session.open(try await sharedServer().newDirectory(session), "file")
        return session
    }

    @Test("case 1, new owner: an unconfirmed client ID")
    func newOwner() async throws {
        let result = try await exchange(newConnection()).succeeded().exchangeID
        #expect(!result.flags.contains(.confirmed))
        #expect(result.protection == 0)
    }

    @Test("case 2, the confirmed owner again: the same client ID, confirmed")
    func confirmedOwnerAgain() async throws {
        let session = try await TestSession.establish(over: try await sharedServer().connect(), owner: owner)
        let again = try await exchange(session.connection).succeeded().exchangeID
        #expect(again.clientID == session.clientID)
        #expect(again.flags.contains(.confirmed))
        #expect(try await session.compound().status == .ok)
    }

    @Test("case 3, another principal while the client has state: CLID_INUSE, and the client is not harmed")
    func collision() async throws {
        let session = try await confirmedClientWithState()
        #expect(try await exchange(newConnection(), credential: .user).status == .clidInUse)
        #expect(try await exchange(newConnection(), owner.restarted(), credential: .user).status == .clidInUse)
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("case 4, an unconfirmed record is replaced: the former client ID is stale")
    func unconfirmedReplaced() async throws {
        let connection = try await newConnection()
        let first = try await exchange(connection).succeeded().exchangeID
        let second = try await exchange(connection).succeeded().exchangeID
        #expect(first.clientID != second.clientID)
        #expect(!second.flags.contains(.confirmed))
        let stale = try await connection.compound(.createSession(clientID: first.clientID, sequence: first.sequence))
        #expect(stale.outcome == Outcome(.createSession, .staleClientID))
        #expect(try await connection.compound(.createSession(clientID: second.clientID, sequence: second.sequence)).status == .ok)
    }

    @Test("case 5, client restart: the former session lives until the new client ID is confirmed, then all its state is gone")
    func restart() async throws {
        let (old, directory) = try await newDirectory()
        let held = try await old.open(directory, "file", deny: .both)
        let connection = try await newConnection()
        let new = try await exchange(connection, old.owner.restarted()).succeeded().exchangeID
        #expect(new.clientID != old.clientID)
        #expect(!new.flags.contains(.confirmed))
        #expect(try await old.compound(.putRootFH).status == .ok)

        let session = try await TestSession.establish(over: connection, owner: old.owner, client: new)
        #expect(try await old.compound(.putRootFH).outcome == Outcome(.sequence, .badSession))
        try await session.run(.reclaimComplete())
        _ = try await session.open(directory, "file", access: .both, deny: .both)
        #expect(try await session.run(.testStateID([held.stateID])).statuses != [.ok])
    }

    @Test("case 6, update: the same client ID, confirmed")
    func update() async throws {
        let session = try await TestSession.establish(over: try await sharedServer().connect(), owner: owner)
        let updated = try await exchange(session.connection, update: true).succeeded().exchangeID
        #expect(updated.clientID == session.clientID)
        #expect(updated.flags.contains(.confirmed))
    }

    @Test("case 7, update of no confirmed record: NOENT")
    func updateWithoutRecord() async throws {
        let connection = try await newConnection()
        #expect(try await exchange(connection, update: true).status == .noEnt)
        _ = try await exchange(connection).succeeded()
        #expect(try await exchange(connection, update: true).status == .noEnt)
    }

    @Test("case 8, update with another verifier: NOT_SAME")
    func updateWithOtherVerifier() async throws {
        let session = try await TestSession.establish(over: try await sharedServer().connect(), owner: owner)
        #expect(try await exchange(session.connection, owner.restarted(), update: true).status == .notSame)
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("case 9, update by another principal: PERM")
    func updateByOtherPrincipal() async throws {
        let session = try await TestSession.establish(over: try await sharedServer().connect(), owner: owner)
        #expect(try await exchange(newConnection(), update: true, credential: .user).status == .perm)
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("flags that mean nothing in a request are INVAL", arguments: [0x8, 0x1000, 0x8000_0000] as [UInt32])
    func undefinedFlags(_ flags: UInt32) async throws {
        let request = Operation.exchangeID(owner, flags: Operation.ExchangeFlags(rawValue: flags))
        #expect(try await newConnection().compound(request).outcome == Outcome(.exchangeID, .inval))
    }

    @Test("the reply names at least one pNFS role, and no layouts mean USE_NON_PNFS")
    func roles() async throws {
        let result = try await exchange(newConnection()).succeeded().exchangeID
        #expect(result.flags.contains(.useNonPNFS))
        #expect(result.flags.isDisjoint(with: [.usePNFSMetadata, .usePNFSData]))
    }

    @Test("server owner and scope are the same for all clients (RFC 8881 §2.5)")
    func serverOwner() async throws {
        let first = try await newConnection().compound(.exchangeID(.unique())).succeeded().exchangeID
        let second = try await newConnection().compound(.exchangeID(.unique())).succeeded().exchangeID
        #expect(first.serverMajorID == second.serverMajorID)
        #expect(first.serverMinorID == second.serverMinorID)
        #expect(first.serverScope == second.serverScope)
        #expect(!first.serverMajorID.isEmpty)
        #expect(!first.serverScope.isEmpty)
    }

    @Test("an owner of 1024 bytes is taken, of 1025 is BADXDR")
    func ownerLength() async throws {
        let connection = try await newConnection()
        var longest = ClientOwner(verifier: Verifier(7), id: owner.id)
        longest.id += Array(repeating: UInt8(ascii: "o"), count: 1024 - longest.id.count)
        #expect(try await exchange(connection, longest).status == .ok)
        longest.id.append(0)
        #expect(try await exchange(connection, longest).outcome == Outcome(.exchangeID, .badXDR))
    }

    @Test("any bytes may be an owner")
    func binaryOwner() async throws {
        var binary = owner
        binary.id += [0, 0xff, 0x2f, 0x0a, 0x25]
        _ = try await TestSession.establish(over: try await sharedServer().connect(), owner: binary)
    }

    @Test("more than one client implementation is BADXDR, none is fine")
    func implementations() async throws {
        let connection = try await newConnection()
        #expect(try await connection.compound(.exchangeID(owner, implementations: 0)).status == .ok)
        #expect(try await connection.compound(.exchangeID(owner, implementations: 2)).outcome == Outcome(.exchangeID, .badXDR))
    }

    @Test("SSV protection is ENCR_ALG_UNSUPP: this server has no algorithm for it (§18.35.3)")
    func ssv() async throws {
        let reply = try await newConnection().compound(.exchangeID(owner, protection: .ssv()))
        #expect(reply.outcome == Outcome(.exchangeID, .encrAlgUnsupp))
    }

    @Test(
        "SSV protection without algorithms, or with a window of zero, is INVAL (§18.35.3)",
        arguments: [.ssv(hashes: []), .ssv(encryptions: []), .ssv(window: 0)] as [Operation.StateProtection])
    func emptySSV(_ protection: Operation.StateProtection) async throws {
        let reply = try await newConnection().compound(.exchangeID(owner, protection: protection))
        #expect(reply.outcome == Outcome(.exchangeID, .inval))
    }

    @Test("an undefined protection is BADXDR")
    func undefinedProtection() async throws {
        let reply = try await newConnection().compound(.exchangeID(owner, protection: .undefined))
        #expect(reply.outcome == Outcome(.exchangeID, .badXDR))
    }

    @Test("refused protection leaves no record behind")
    func refusedProtection() async throws {
        let connection = try await newConnection()
        _ = try await connection.compound(.exchangeID(owner, protection: .ssv()))
        #expect(try await exchange(connection, update: true).outcome == Outcome(.exchangeID, .noEnt))
    }

    @Test("an owner without a name is INVAL")
    func emptyOwner() async throws {
        let nobody = ClientOwner(verifier: Verifier(7), id: [])
        #expect(try await exchange(newConnection(), nobody).outcome == Outcome(.exchangeID, .inval))
    }

    @Test("what a client asks for in flags is not granted because it asks", arguments: [0x1, 0x2, 0x100, 0x7_0000] as [UInt32])
    func wishes(_ flags: UInt32) async throws {
        let request = Operation.exchangeID(owner, flags: Operation.ExchangeFlags(rawValue: flags))
        #expect(try await newConnection().compound(request).succeeded().exchangeID.flags == .useNonPNFS)
    }

    @Test("case 3, another principal when the client holds nothing any more: the record is replaced")
    func collisionWithoutState() async throws {
        let session = try await TestSession.establish(over: try await sharedServer().connect(), owner: owner)
        _ = try await session.connection.compound(.destroySession(session.id)).succeeded()
        let other = try await exchange(newConnection(), credential: .user).succeeded().exchangeID
        #expect(other.clientID != session.clientID)
        #expect(!other.flags.contains(.confirmed))
        let stale = Operation.createSession(clientID: session.clientID, sequence: session.nextCreateSequence)
        #expect(try await session.connection.compound(stale).outcome == Outcome(.createSession, .staleClientID))
    }

    @Test("case 4 after case 5: each restart replaces the unconfirmed record, and leaves the confirmed one alone")
    func restartTwice() async throws {
        let session = try await TestSession.establish(over: try await sharedServer().connect(), owner: owner)
        let connection = try await newConnection()
        let first = try await exchange(connection, owner.restarted()).succeeded().exchangeID
        let second = try await exchange(connection, owner.restarted()).succeeded().exchangeID
        #expect(Set([session.clientID, first.clientID, second.clientID]).count == 3)
        let stale = try await connection.compound(.createSession(clientID: first.clientID, sequence: first.sequence))
        #expect(stale.outcome == Outcome(.createSession, .staleClientID))
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("an update neither replaces nor confirms an unconfirmed record of a restarted client")
    func updateWhileRestarting() async throws {
        let session = try await TestSession.establish(over: try await sharedServer().connect(), owner: owner)
        let connection = try await newConnection()
        let restarted = owner.restarted()
        let new = try await exchange(connection, restarted).succeeded().exchangeID
        #expect(try await exchange(connection, restarted, update: true).outcome == Outcome(.exchangeID, .notSame))
        #expect(try await exchange(connection, update: true).succeeded().exchangeID.clientID == session.clientID)
        #expect(try await connection.compound(.createSession(clientID: new.clientID, sequence: new.sequence)).status == .ok)
    }

    @Test("inside a session a retry is answered from the cache, with the same client ID")
    func replay() async throws {
        let session = try await newSession()
        let request = [await session.nextSequence(cacheThis: true), .exchangeID(owner)]
        let first = try await session.connection.compound(request).succeeded()
        #expect(try await newConnection().compound(request).bytes == first.bytes)
    }

    @Test("machine credential protection needs RPCSEC_GSS, so it is INVAL over AUTH_SYS")
    func machineCredential() async throws {
        let protection = Operation.StateProtection.machineCredential(mustEnforce: [], mustAllow: [])
        #expect(try await newConnection().compound(.exchangeID(owner, protection: protection)).outcome == Outcome(.exchangeID, .inval))
    }

    @Test("outside a session EXCHANGE_ID must be the only operation")
    func onlyOperation() async throws {
        let reply = try await newConnection().compound(.exchangeID(owner), .putRootFH)
        #expect(reply.outcome == Outcome(.exchangeID, .notOnlyOp))
    }

    @Test("EXCHANGE_ID may be sent inside a session of another client")
    func insideSession() async throws {
        let reply = try await newSession().run(.exchangeID(owner), .putRootFH)
        #expect(try !reply.exchangeID.flags.contains(.confirmed))
    }
}
