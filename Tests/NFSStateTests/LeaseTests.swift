import NFSProtocol
import NFSState
import Testing

/// Leases (RFC 8881 §8.3) and what becomes of clients that let them run out.
struct LeaseTests {
    var table = clientTable()

    @Test mutating func aLeaseLastsFromItsLastRenewal() throws {
        let (client, _, _) = try table.connect("a")
        #expect(!table.isExpired(client, now: seconds(60)))
        #expect(table.isExpired(client, now: seconds(61)))
        client.renew(now: seconds(50))
        #expect(!table.isExpired(client, now: seconds(110)))
        #expect(!table.isExpired(client, now: seconds(10)), "a renewal from a moment ago on another thread is not in the past")
    }

    @Test mutating func onlyAnExpiredLeaseLapses() throws {
        let (client, _, _) = try table.connect("a")
        client.setRecorded()
        #expect(!table.lapse(client, now: seconds(60)))
        #expect(client.isRecorded && client.stateFlags == [] && client.knowsOfRevocation)
        #expect(table.lapse(client, now: seconds(61)))
        #expect(!table.lapse(client, now: seconds(61)), "a lease lapses once")
        #expect(!client.isRecorded && client.isBeingRevoked && client.stateFlags == .expiredAllStateRevoked && !client.knowsOfRevocation)
        client.renew(now: seconds(62))
        #expect(client.renewed == seconds(0), "a lapsed lease is not renewed")
        client.setRecorded()
        #expect(!client.isRecorded, "a record from before the revocation does not count")
        client.endRevocation()
        #expect(client.stateFlags == [] && client.knowsOfRevocation && !client.isBeingRevoked, "nothing was lost")
        client.renew(now: seconds(63))
        client.setRecorded()
        #expect(client.renewed == seconds(63) && client.isRecorded)
        try table.checkInvariants()
    }

    @Test mutating func aCompoundThatWaitsKeepsTheLease() throws {
        let (client, _, _) = try table.connect("a")
        client.beginWaiting()
        client.beginWaiting()
        client.endWaiting(now: seconds(90))
        #expect(!table.isExpired(client, now: seconds(1000)))
        client.endWaiting(now: seconds(100))
        #expect(!table.isExpired(client, now: seconds(160)))
        #expect(table.isExpired(client, now: seconds(161)))
    }

    @Test func renewalAndLapseExcludeEachOther() async throws {
        for _ in 0..<500 {
            var table = clientTable()
            let client = try table.connect("a").client
            let both = table
            async let lapsed = both.lapse(client, now: seconds(61))
            async let renewed: Bool = {
                client.renew(now: seconds(61))
                return client.stateFlags.isEmpty
            }()
            let (hasLapsed, wasRenewed) = await (lapsed, renewed)
            #expect(hasLapsed != wasRenewed)
        }
    }

    @Test mutating func leasesDoNotRunOutWhileTheServerIsStopped() throws {
        let (client, _, _) = try table.connect("a")
        for second in UInt64(0)...3 { table.noteAwake(now: seconds(second * 10)) }
        #expect(!table.isExpired(client, now: seconds(1000)), "nobody knows yet that the server was stopped")
        table.noteAwake(now: seconds(1000))
        #expect(!table.isExpired(client, now: seconds(1001)), "the client gets the time to renew")
        for second in stride(from: UInt64(1010), through: 1060, by: 10) { table.noteAwake(now: seconds(second)) }
        #expect(!table.isExpired(client, now: seconds(1060)))
        #expect(table.isExpired(client, now: seconds(1061)))
    }

    @Test mutating func courtesyEndsInTheEnd() throws {
        var table = clientTable { $0.courtesy = .seconds(20) }
        let (a, session, _) = try table.connect("a")
        let (b, _, _) = try table.connect("b")
        let unconfirmed = try table.exchange("c").0.client
        b.renew(now: seconds(30))
        #expect(table.removeExpired(now: seconds(61)).isEmpty)
        #expect(unconfirmed.isGone, "an unconfirmed record has no courtesy")
        #expect(table.removeExpired(now: seconds(81)).map(\.client.id) == [a.id])
        #expect(table.confirmedClients.map(\.id) == [b.id] && session.isDestroyed)
        try table.checkInvariants()
    }

    @Test mutating func theLongestExpiredGiveWayToWhatExpiredClientsMayHold() throws {
        var table = clientTable { $0.statesOfExpiredClients = 5 }
        var states = FileStates(instance: instance, shard: 0, limits: StateLimits())
        let clients = try ["a", "b", "c"].map { try table.connect($0).client }
        for (index, client) in clients.enumerated() {
            client.renew(now: seconds(UInt64(10 - index)))
            for number in UInt8(0)..<3 { _ = try states.open(file(number), client, .read) }
        }
        clients[0].renew(now: seconds(100))
        #expect(table.removeExpired(now: seconds(101)).map(\.client.id) == [clients[2].id])
        #expect(table.removeExpired(now: seconds(101)).isEmpty)
        try table.checkInvariants()
    }

    @Test mutating func theLongestExpiredGivesWayToANewClient() throws {
        var table = clientTable { $0.clients = 3 }
        let clients = try ["a", "b", "c"].map { try table.connect($0).client }
        #expect(throws: NFSStatus.delay) { try table.exchange("d", now: seconds(60)) }
        clients[0].renew(now: seconds(50))
        clients[1].renew(now: seconds(1))
        clients[2].renew(now: seconds(2))
        // The longest expired one itself has restarted: its record stays until the new one is confirmed.
        #expect(try table.exchange("b", verifier: 2, now: seconds(70)).1?.client === clients[2])
        #expect(try table.exchange("d", now: seconds(70)).1?.client === clients[1])
        try table.checkInvariants()
    }

    @Test mutating func theLongestExpiredGivesWayToANewSession() throws {
        var table = clientTable { $0.sessions = 2 }
        let (a, b) = (try table.connect("a").client, try table.connect("b").client)
        b.renew(now: seconds(40))
        #expect(table.makeRoomForSession(of: b.id, now: seconds(60)) == nil)
        #expect(table.makeRoomForSession(of: a.id, now: seconds(61)) == nil, "it is not driven out by itself")
        #expect(table.makeRoomForSession(of: b.id, now: seconds(61))?.client === a)
        #expect(table.makeRoomForSession(of: b.id, now: seconds(61)) == nil, "there is room")
        try table.checkInvariants()
    }

    @Test func timeDoesNotOverflow() {
        let end = MonotonicTime(nanoseconds: .max)
        #expect(end + .seconds(1) == end)
        #expect(seconds(1) + .seconds(Int64.max) == end)
        #expect(seconds(1) + .milliseconds(1500) == MonotonicTime(nanoseconds: 2_500_000_000))
        #expect(end.since(seconds(0)) == .nanoseconds(Int64.max))
        #expect(seconds(0).since(end) == .zero)
    }
}
