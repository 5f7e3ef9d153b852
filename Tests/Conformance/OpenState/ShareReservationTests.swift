import NFSTestClient
import Testing

@Suite("Share reservations (RFC 8881 §9.7)")
struct ShareReservationTests {
    private static let kinds: [Share] = [.read, .write, .both]
    private static let denials: [Share] = [.none, .read, .write, .both]

    @Test("access against deny, and deny against access, are SHARE_DENIED; all other pairs are granted", arguments: kinds)
    func conflicts(_ firstAccess: Share) async throws {
        let (session, directory) = try await newDirectory()
        let other = try await newSession()
        for firstDeny in Self.denials {
            let first = try await session.open(directory, "file", access: firstAccess, deny: firstDeny)
            for access in Self.kinds {
                for deny in Self.denials {
                    let allowed = access.isDisjoint(with: firstDeny) && deny.isDisjoint(with: firstAccess)
                    let reply = try await other.compound(.putFH(directory), .open(.null("file"), access: access, deny: deny))
                    #expect(
                        reply.outcome == Outcome(.open, allowed ? .ok : .shareDenied),
                        "\(firstAccess) deny \(firstDeny) against \(access) deny \(deny)")
                    if reply.status == .ok { try await other.run(.putFH(first.handle), .close(reply.open.stateID)) }
                }
            }
            try await session.close(first)
        }
    }

    @Test("owners of one client exclude each other as those of two")
    func sameClient() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.open(directory, "file", access: .read, deny: .write, owner: "a")
        let open = Operation.open(.null("file"), access: .write, owner: "b")
        #expect(try await session.compound(.putFH(directory), open).outcome == Outcome(.open, .shareDenied))
    }

    @Test("an owner's own opens are no exception: its own denial stops its upgrade")
    func ownUpgrade() async throws {
        let (session, directory) = try await newDirectory()
        _ = try await session.open(directory, "file", access: .read, deny: .write)
        let write = Operation.open(.null("file"), access: .write)
        #expect(try await session.compound(.putFH(directory), write).outcome == Outcome(.open, .shareDenied))
        let denyRead = Operation.open(.null("file"), access: .read, deny: .read)
        #expect(try await session.compound(.putFH(directory), denyRead).outcome == Outcome(.open, .shareDenied))
    }

    @Test("an upgrade against another's denial is SHARE_DENIED and changes nothing")
    func deniedUpgrade() async throws {
        let (session, directory) = try await newDirectory()
        let mine = try await session.open(directory, "file", access: .read)
        _ = try await newSession().open(directory, "file", access: .read, deny: .write)
        let upgrade = try await session.compound(.putFH(directory), .open(.null("file"), access: .write))
        #expect(upgrade.outcome == Outcome(.open, .shareDenied))
        #expect(try await session.compound(.putFH(mine.handle), .read(mine.stateID, count: 1)).status == .ok)
        #expect(try await session.compound(.putFH(mine.handle), .write(mine.stateID, [1])).status == .openMode)
    }

    @Test("a refused open leaves nothing behind")
    func refusedOpen() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", access: .read, deny: .write)
        let other = try await newSession()
        _ = try await other.compound(.putFH(directory), .open(.null("file"), access: .write, deny: .both))
        try await session.close(file)
        _ = try await newSession().open(directory, "file", access: .both, deny: .both)
    }

    @Test("closing gives the reservation back")
    func close() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", deny: .both)
        let other = try await newSession()
        #expect(try await other.compound(.putFH(directory), .open(.null("file"))).status == .shareDenied)
        try await session.close(file)
        #expect(try await other.compound(.putFH(directory), .open(.null("file"))).status == .ok)
    }

    @Test("I/O with the anonymous stateid against a denial is LOCKED (§9.1.2)")
    func anonymous() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", deny: .both)
        let other = try await newSession()
        #expect(try await other.compound(.putFH(file.handle), .read(count: 1)).outcome == Outcome(.read, .locked))
        #expect(try await other.compound(.putFH(file.handle), .write(.anonymous, [1])).outcome == Outcome(.write, .locked))
    }
}
