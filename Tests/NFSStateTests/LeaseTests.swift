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

    @Test mutating func onlyAnExpiredClientGivesWay() throws {
        let (client, session, _) = try table.connect("a")
        #expect(table.removeIfExpired(client, now: seconds(60)) == nil)
        let dropped = table.removeIfExpired(client, now: seconds(61))
        #expect(dropped?.client === client && dropped?.sessions.first === session)
        #expect(table.removeIfExpired(client, now: seconds(61)) == nil, "a client is dropped once")
        try table.checkInvariants()
    }

    @Test mutating func expiredClientsAreRemovedAfterTheCourtesy() throws {
        let (a, _, _) = try table.connect("a")
        let (b, _, _) = try table.connect("b")
        let unconfirmed = try table.exchange("c").0.client
        b.renew(now: seconds(30))
        #expect(table.removeExpired(now: seconds(61), courtesy: .seconds(20)).isEmpty)
        #expect(unconfirmed.isGone, "an unconfirmed record has no courtesy")
        #expect(table.removeExpired(now: seconds(81), courtesy: .seconds(20)).map(\.client.id) == [a.id])
        #expect(table.confirmedClients.map(\.id) == [b.id])
        #expect(table.evict(b)?.client === b)
        #expect(table.confirmedClients.isEmpty)
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
