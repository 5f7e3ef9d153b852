import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "Revoked state (RFC 8881 §8.4.3, §8.5)", .ownProcess,
    .covers(.sequence, .close, .openDowngrade, .lock, .lockU, .read, .write, .setAttr, .testStateID, .freeStateID))
struct RevocationTests {
    /// A client that had a file open and locked, lost both, and does not know yet.
    private struct Scene {
        let server: ServerUnderTest
        let session: TestSession
        let directory: FileHandle
        let file: OpenedFile
        let lock: StateID
        /// Who has the file now, and what it keeps the first client from opening again.
        let other: TestSession

        /// Long enough for a busy machine to renew it in time, short enough to wait for its end.
        static let lease = 3

        init(_ reason: Reason) async throws {
            server = try await ServerUnderTest.start(.init(lease: Self.lease, grace: Self.lease))
            (session, directory) = try await server.sessionInNewDirectory()
            file = try await session.open(directory, "file", deny: .write)
            lock = try await session.lock(file)
            other = try await server.session()
            if reason == .administrator { #expect(try await server.revoke(session.clientID) == 204) }
            var reply: CompoundReply
            repeat {
                reply = try await other.compound(.putFH(directory), .open(.null("file"), deny: .write))
                if reply.status != .ok { try await Task.sleep(for: .milliseconds(50)) }
            } while reply.status == .shareDenied
            try reply.succeeded()
        }

        var stateIDs: [StateID] { [file.stateID, lock] }
    }

    enum Reason: CaseIterable {
        case lease, administrator

        var status: Status { self == .lease ? .expired : .adminRevoked }
        /// SEQ4_STATUS_EXPIRED_ALL_STATE_REVOKED, SEQ4_STATUS_ADMIN_STATE_REVOKED.
        var flag: UInt32 { self == .lease ? 0x8 : 0x20 }
    }

    private static func flags(_ session: TestSession) async throws -> UInt32 { try await session.run().sequence.flags & 0x28 }

    @Test(
        "its stateids answer EXPIRED or ADMIN_REVOKED to every operation, and SEQUENCE says so, until each is freed (§18.38.3, §18.46.3)",
        .timeLimit(.minutes(1)), arguments: Reason.allCases)
    func freed(_ reason: Reason) async throws {
        let scene = try await Scene(reason)
        let (session, file) = (scene.session, scene.file)
        #expect(try await Self.flags(session) == reason.flag)
        #expect(try await session.run(.testStateID(scene.stateIDs)).statuses == [reason.status, reason.status])
        for stateID in scene.stateIDs + scene.stateIDs.map({ $0.with(seqid: 99) }) {
            for operation in [
                Operation.close(stateID), .openDowngrade(stateID, access: .read), .lock(.write, .open(stateID, "new owner")),
                .lock(.write, .lock(stateID)), .lockU(stateID), .read(stateID, count: 1), .write(stateID, [1]),
                .setAttr(.size(0), stateID: stateID),
            ] {
                let reply = try await session.compound(.putFH(file.handle), operation)
                #expect(reply.status == reason.status, "\(reply)")
            }
            // Neither of another file nor of another client (§8.2.4).
            #expect(try await session.compound(.putFH(scene.directory), .close(stateID)).outcome == Outcome(.close, .badStateID))
            #expect(try await scene.other.compound(.putFH(file.handle), .close(stateID)).outcome == Outcome(.close, .badStateID))
            #expect(try await scene.other.compound(.freeStateID(stateID)).outcome == Outcome(.freeStateID, .badStateID))
        }
        try await session.run(.freeStateID(scene.lock))
        #expect(try await Self.flags(session) == reason.flag)
        #expect(try await session.run(.testStateID(scene.stateIDs)).statuses == [reason.status, .badStateID])
        try await session.run(.freeStateID(file.stateID))
        #expect(try await Self.flags(session) == 0)
        #expect(try await session.compound(.freeStateID(file.stateID)).outcome == Outcome(.freeStateID, .badStateID))
        #expect(try await session.compound(.putFH(file.handle), .close(file.stateID)).outcome == Outcome(.close, .badStateID))
    }

    @Test(
        "a client that cannot have noticed is asked to wait with new state: DELAY; then it may have it", .timeLimit(.minutes(1)),
        arguments: Reason.allCases)
    func newState(_ reason: Reason) async throws {
        let scene = try await Scene(reason)
        let open = Operation.open(.null("second"), .unchecked(.none))
        #expect(try await scene.session.compound(.putFH(scene.directory), open).outcome == Outcome(.open, .delay))
        try await scene.session.run(.putFH(scene.directory), open)
        #expect(try await Self.flags(scene.session) == reason.flag, "what is new is no acknowledgement")
        let second = try await scene.session.open(scene.directory, "second")
        _ = try await scene.session.lock(second)
    }

    @Test("after a restart of the server it may not reclaim what it lost: NO_GRACE (§8.4.3)", .timeLimit(.minutes(1)))
    func restart() async throws {
        let scene = try await Scene(.lease)
        try await scene.server.start(afterKill: ["--lease", "60", "--grace", "60"])
        let (back, other) = (
            try await scene.server.session(owner: scene.session.owner, reclaimComplete: false),
            try await scene.server.session(owner: scene.other.owner, reclaimComplete: false)
        )
        let reclaim = Operation.open(.previous(0), deny: .write)
        #expect(try await back.compound(.putFH(scene.file.handle), reclaim).outcome == Outcome(.open, .noGrace))
        #expect(try await other.compound(.putFH(scene.file.handle), reclaim).status == .ok)
    }

    @Test("it may also leave: its sessions and its client ID can be destroyed (§18.46.3)", .timeLimit(.minutes(1)))
    func leaves() async throws {
        let scene = try await Scene(.administrator)
        try await scene.session.connection.compound(.destroySession(scene.session.id)).succeeded()
        try await scene.session.connection.compound(.destroyClientID(scene.session.clientID)).succeeded()
        let again = try await scene.server.session(owner: scene.session.owner)
        #expect(try await Self.flags(again) == 0)
        _ = try await again.open(scene.directory, "second")
    }

    @Test("an administrator is told when there is no such client")
    func unknownClient() async throws {
        #expect(try await ServerUnderTest.start().revoke(0x1234) == 404)
    }
}
