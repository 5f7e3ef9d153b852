import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "OPEN_DOWNGRADE (RFC 8881 §18.18)",
    .covers(
        .openDowngrade,
        never: [
            .roFS: "giving up rights changes no file", .stale: "PUTFH finds that a file is gone, and an open one stays open",
        ]))
struct OpenDowngradeTests {
    /// A file opened for reading, then for both, by one owner.
    private func upgraded() async throws -> (session: TestSession, directory: FileHandle, handle: FileHandle, stateID: StateID) {
        let (session, directory) = try await newDirectory()
        let first = try await session.open(directory, "file", access: .read)
        let second = try await session.open(directory, "file", access: .both, deny: .write)
        return (session, directory, first.handle, second.stateID)
    }

    @Test("access and denial shrink to those of an earlier open, seqid one more")
    func downgrade() async throws {
        let (session, directory, handle, stateID) = try await upgraded()
        let other = try await newSession()
        #expect(try await other.compound(.putFH(directory), .open(.null("file"), access: .write)).status == .shareDenied)
        let downgraded = try await session.run(.putFH(handle), .openDowngrade(stateID, access: .read)).stateID
        #expect(downgraded == stateID.with(seqid: 3))
        #expect(try await session.compound(.putFH(handle), .write(downgraded, [1])).outcome == Outcome(.write, .openMode))
        #expect(try await session.compound(.putFH(handle), .read(downgraded, count: 1)).status == .ok)
        #expect(try await other.compound(.putFH(directory), .open(.null("file"), access: .write)).status == .ok)
    }

    @Test("to what no open of the owner had it is INVAL", arguments: [(3, 1), (3, 3)] as [(UInt32, UInt32)])
    func notHeld(_ access: UInt32, _ deny: UInt32) async throws {
        let (session, _, handle, stateID) = try await upgraded()
        let request = Operation.openDowngrade(stateID, access: Share(rawValue: access), deny: Share(rawValue: deny))
        #expect(try await session.compound(.putFH(handle), request).outcome == Outcome(.openDowngrade, .inval))
    }

    @Test("to more than is held it is INVAL")
    func wider() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", access: .read)
        let request = Operation.openDowngrade(file.stateID, access: .both)
        #expect(try await session.compound(.putFH(file.handle), request).outcome == Outcome(.openDowngrade, .inval))
    }

    @Test("no access, or bits that mean nothing, are INVAL", arguments: [(0, 0), (4, 0), (1, 4)] as [(UInt32, UInt32)])
    func badShare(_ access: UInt32, _ deny: UInt32) async throws {
        let (session, _, handle, stateID) = try await upgraded()
        let request = Operation.openDowngrade(stateID, access: Share(rawValue: access), deny: Share(rawValue: deny))
        #expect(try await session.compound(.putFH(handle), request).outcome == Outcome(.openDowngrade, .inval))
    }

    @Test("an old seqid is OLD_STATEID, a stateid of no open BAD_STATEID")
    func badStateID() async throws {
        let (session, _, handle, stateID) = try await upgraded()
        let old = try await session.compound(.putFH(handle), .openDowngrade(stateID.with(seqid: 1), access: .read))
        #expect(old.outcome == Outcome(.openDowngrade, .oldStateID))
        for bad in [StateID.anonymous, .readBypass, StateID(seqid: 1, other: Array(repeating: 9, count: 12))] {
            let reply = try await session.compound(.putFH(handle), .openDowngrade(bad, access: .read))
            #expect(reply.outcome == Outcome(.openDowngrade, .badStateID))
        }
    }

    @Test("a seqid that was never handed out is BAD_STATEID, zero is the newest (§8.2.2)")
    func seqid() async throws {
        let (session, _, handle, stateID) = try await upgraded()
        let future = try await session.compound(.putFH(handle), .openDowngrade(stateID.with(seqid: 3), access: .read))
        #expect(future.outcome == Outcome(.openDowngrade, .badStateID))
        let newest = try await session.run(.putFH(handle), .openDowngrade(stateID.with(seqid: 0), access: .read)).stateID
        #expect(newest == stateID.with(seqid: 3))
    }

    @Test("the stateid of a lock, another file or another client is BAD_STATEID")
    func notThisOpen() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file)
        let second = try await shared.session.open(sharedServer().newDirectory(shared.session), "second")
        for stateID in [lock, second.stateID, shared.otherFile.stateID] {
            let reply = try await shared.session.compound(.putFH(shared.handle), .openDowngrade(stateID, access: .both))
            #expect(reply.outcome == Outcome(.openDowngrade, .badStateID))
        }
    }

    @Test("to what is held already it succeeds and counts")
    func unchanged() async throws {
        let (session, _, handle, stateID) = try await upgraded()
        let same = try await session.run(.putFH(handle), .openDowngrade(stateID, access: .both, deny: .write)).stateID
        #expect(same == stateID.with(seqid: 3))
    }

    @Test("a retry is answered as the first time, and counts once")
    func replay() async throws {
        let (session, _, handle, stateID) = try await upgraded()
        let downgrade = [Operation.putFH(handle), .openDowngrade(stateID, access: .read)]
        let first = try await session.compound(downgrade, cacheThis: true)
        let again = try await session.connection.compound([await session.lastSequence(cacheThis: true)] + downgrade)
        #expect(again.bytes == first.bytes)
        try await session.run(.putFH(handle), .close(stateID.with(seqid: 3)))
    }
}
