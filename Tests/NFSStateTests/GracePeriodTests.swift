import NFSProtocol
import NFSState
import Testing

/// The grace period (RFC 8881 §8.4.2, §18.51).
struct GracePeriodTests {
    var table = clientTable()

    private mutating func client(_ owner: String) throws -> Client { try table.connect(owner).client }

    private func grace(_ owners: String...) -> GracePeriod {
        GracePeriod(listed: Set(owners.map(bytes)), duration: .seconds(90), now: seconds(10))
    }

    @Test mutating func listedClientsReclaimUntilTheySayTheyAreDone() throws {
        var grace = grace("a", "b")
        let a = try client("a")
        try grace.checkReclaim(a)
        #expect(throws: NFSStatus.grace) { try grace.checkNew(a) }
        try a.completeReclaim()
        #expect(throws: NFSStatus.noGrace, "a reclaim that races with RECLAIM_COMPLETE") { try grace.checkReclaim(a) }
        #expect(grace.reclaimComplete(a.owner) == false)
        #expect(throws: NFSStatus.noGrace) { try grace.checkReclaim(a) }
        #expect(throws: NFSStatus.grace, "the other has not reclaimed yet") { try grace.checkNew(a) }
        #expect(grace.awaited == [bytes("b")])
    }

    @Test mutating func aClientThatWasNotListedReclaimsNothing() throws {
        let grace = grace("a")
        let stranger = try client("stranger")
        #expect(throws: NFSStatus.noGrace) { try grace.checkReclaim(stranger) }
        #expect(throws: NFSStatus.grace) { try grace.checkNew(stranger) }
    }

    @Test mutating func theLastReclaimCompleteEndsItAtOnceButNotBeforeTheEndIsDurable() throws {
        var grace = grace("a", "b")
        let a = try client("a")
        let b = try client("b")
        try a.completeReclaim()
        try b.completeReclaim()
        #expect(grace.reclaimComplete(a.owner) == false)
        #expect(grace.reclaimComplete(a.owner) == false, "an owner counts once")
        #expect(grace.reclaimComplete(bytes("stranger")) == false)
        #expect(grace.reclaimComplete(b.owner) == true)
        #expect(grace.phase == .ending && grace.isActive)
        #expect(throws: NFSStatus.grace) { try grace.checkNew(a) }
        #expect(grace.expire(now: seconds(1000)) == false, "the end is announced once")
        grace.ended()
        #expect(!grace.isActive)
        try grace.checkNew(a)
        try grace.checkNew(b)
        #expect(throws: NFSStatus.noGrace) { try grace.checkReclaim(a) }
    }

    @Test mutating func aRestartedClientCannotReclaimOnceItsOwnerWasDone() throws {
        var grace = grace("a", "b")
        let first = try client("a")
        try first.completeReclaim()
        _ = grace.reclaimComplete(first.owner)
        let second = try table.connect("a", verifier: 2).client
        #expect(first.isGone && !second.isReclaimComplete)
        #expect(throws: NFSStatus.noGrace) { try grace.checkReclaim(second) }
    }

    @Test mutating func theDeadlineEndsReclaims() throws {
        var grace = grace("a")
        let a = try client("a")
        #expect(grace.expire(now: seconds(99)) == false)
        try grace.checkReclaim(a)
        #expect(grace.deadline == seconds(100))
        #expect(grace.expire(now: seconds(100)) == true)
        #expect(throws: NFSStatus.noGrace) { try grace.checkReclaim(a) }
        #expect(throws: NFSStatus.grace) { try grace.checkNew(a) }
        grace.ended()
        #expect(throws: NFSStatus.grace, "before RECLAIM_COMPLETE") { try grace.checkNew(a) }
        try a.completeReclaim()
        try grace.checkNew(a)
        #expect(grace.reclaimComplete(a.owner) == false)
    }

    @Test func aDeadClientIsNotWaitedFor() {
        var grace = grace("a")
        #expect(grace.declareDead(bytes("a")) == true)
        #expect(grace.phase == .ending)
    }

    @Test mutating func withoutListedClientsOnlyTheEndIsToBeMadeDurable() throws {
        var grace = grace()
        let a = try client("a")
        try a.completeReclaim()
        #expect(grace.phase == .ending)
        #expect(throws: NFSStatus.grace) { try grace.checkNew(a) }
        grace.ended()
        try grace.checkNew(a)
    }

    @Test func theEndCannotBeDeclaredWhileClientsReclaim() {
        var grace = grace("a")
        grace.ended()
        #expect(grace.phase == .open)
    }

    @Test mutating func reclaimCompleteIsSaidOnce() throws {
        let a = try client("a")
        #expect(!a.isReclaimComplete)
        try a.completeReclaim()
        #expect(a.isReclaimComplete)
        #expect(throws: NFSStatus.completeAlready) { try a.completeReclaim() }
    }
}
