import NFSTestClient
import Testing

@Suite("The current stateid (RFC 8881 §8.2.3, §16.2.3.1.2)")
struct CurrentStateIDTests {
    /// Everything that takes the stateid of an open, a lock or neither.
    private static func users(_ stateID: StateID) -> [Operation] {
        [
            .read(stateID, count: 1), .write(stateID, [1]), .setAttr(.size(0), stateID: stateID), .close(stateID),
            .openDowngrade(stateID, access: .both), .lock(.write, .open(stateID, "owner")), .lock(.write, .lock(stateID)), .lockU(stateID),
            .freeStateID(stateID),
        ]
    }

    @Test("there is none after an operation that sets the current filehandle: BAD_STATEID (figure 6)", arguments: 0..<9)
    func none(_ user: Int) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let use = Self.users(.current)[user]
        for way in [[Operation.putFH(file.handle)], [.putFH(directory), .lookup("file")]] {
            #expect(try await session.compound(way + [use]).status == .badStateID)
            let reply = try await session.compound([.putFH(directory), .open(.null("file"), owner: "second")] + way + [use])
            #expect(reply.status == .badStateID && reply.results.count == way.count + 4)
        }
    }

    @Test("the invalid stateid, and others that only look special, are BAD_STATEID", arguments: 0..<9)
    func undefined(_ user: Int) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        for stateID in [StateID.invalid, .anonymous.with(seqid: 2), .readBypass.with(seqid: 0), .readBypass.with(seqid: 1)] {
            let reply = try await session.compound(.putFH(file.handle), Self.users(stateID)[user])
            #expect(reply.status == .badStateID, "\(stateID)")
        }
    }

    @Test("SAVEFH and RESTOREFH keep it together with the filehandle (figure 5)")
    func saved() async throws {
        let (session, directory) = try await newDirectory()
        let second = try await session.makeFile(directory, "second")
        let reply = try await session.compound(
            .putFH(directory), .open(.null("file"), .unchecked(.none)), .saveFH, .write(.current, [1]), .putFH(second), .restoreFH,
            .read(.current, count: 1), .putFH(second), .read(.current, count: 1))
        #expect(reply.outcome == Outcome(.read, .badStateID))
        #expect(try reply.results.count == 10 && reply.read.data == [1])
    }

    @Test("what takes a stateid and returns none leaves it as it is")
    func unchanged() async throws {
        let (session, directory) = try await newDirectory()
        try await session.run(
            .putFH(directory), .open(.null("file"), .unchecked(.none)), .read(.anonymous, count: 1), .write(.anonymous, [1]),
            .setAttr(.size(0)), .testStateID([.anonymous]), .getAttr([.size]), .close(.current))
    }

    @Test("its seqid counts for CLOSE and OPEN_DOWNGRADE, for all others it is the newest (§8.2.3)")
    func seqid() async throws {
        for (use, status) in [
            (Operation.close(.current), Status.oldStateID), (.openDowngrade(.current, access: .read), .oldStateID),
            (.read(.current, count: 1), .ok), (.write(.current, [1]), .ok), (.lock(.write, .open(.current, "owner")), .ok),
        ] {
            let (session, directory) = try await newDirectory()
            let reply = try await session.compound(
                .putFH(directory), .open(.null("file"), .unchecked(.none), access: .read), .saveFH, .open(.fileHandle, access: .both),
                .restoreFH, use)
            #expect(reply.status == status, "\(reply)")
            #expect(reply.results.count == 7)
        }
    }

    @Test("that of a lock serves its whole life")
    func lock() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(
            .putFH(directory), .open(.null("file"), .unchecked(.none)), .lock(.write, offset: 0, length: 10, .open(.current, "owner")),
            .write(.current, [1]), .lock(.write, offset: 10, length: 10, .lock(.current)), .read(.current, count: 1), .lockU(.current),
            .freeStateID(.current))
        #expect(try reply.read.data == [1])
    }

    @Test("with another file made current in between it is BAD_STATEID, not an accident")
    func otherFile() async throws {
        let (session, directory) = try await newDirectory()
        let second = try await session.makeFile(directory, "second")
        let reply = try await session.compound(
            .putFH(directory), .open(.null("file"), .unchecked(.none)), .putFH(second), .write(.current, [1]))
        #expect(reply.outcome == Outcome(.write, .badStateID))
    }
}
