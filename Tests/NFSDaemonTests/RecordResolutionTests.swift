import NFSDaemon
import RecoveryJournal
import Testing

@Suite("Who may reclaim when journal and recovery backend differ")
struct RecordResolutionTests {
    private static let (journals, backends) = (owners(["both", "journal"]), owners(["both", "backend"]))

    private static func owners(_ names: [String]) -> Set<[UInt8]> { Set(names.map { Array($0.utf8) }) }

    /// The journal of the third instance, whose record is in force.
    private func journal(wasConfirmed: Bool) -> JournalState {
        var state = JournalState(lineage: "own")
        state.apply(.begin(instance: 3, listed: []))
        state.apply(.add(Self.journals))
        state.apply(.activate)
        if wasConfirmed { state.apply(.confirm) }
        return state
    }

    private func listed(_ journal: JournalState?, _ backend: BackendAnswer) -> Set<[UInt8]>? {
        RecordResolution.listed(journal: journal, backend: backend)?.clients
    }

    @Test("without a journal the backend decides, and nobody may as long as it does not answer")
    func noJournal() {
        #expect(listed(nil, .none) == [])
        #expect(listed(nil, .silent("down")) == nil)
        #expect(listed(nil, .record(nil, Self.backends)) == Self.backends)
        #expect(listed(nil, .record(JournalMarker(lineage: "other", instance: 9), Self.backends)) == Self.backends)
    }

    @Test("without an answer the journal decides", arguments: [false, true])
    func silent(wasConfirmed: Bool) {
        #expect(listed(journal(wasConfirmed: wasConfirmed), .none) == Self.journals)
        #expect(listed(journal(wasConfirmed: wasConfirmed), .silent("down")) == Self.journals)
    }

    @Test("a backend that follows this journal has nothing newer", arguments: [1, 3] as [UInt64])
    func follower(instance: UInt64) {
        let backend = BackendAnswer.record(JournalMarker(lineage: "own", instance: instance), Self.backends)
        #expect(listed(journal(wasConfirmed: true), backend) == Self.journals)
    }

    @Test("a journal older than what the backend copied from it, as on a volume restored from a snapshot, does not count")
    func restored() {
        let backend = BackendAnswer.record(JournalMarker(lineage: "own", instance: 4), Self.backends)
        #expect(listed(journal(wasConfirmed: true), backend) == Self.backends)
    }

    @Test("another server's record is newer than a journal that was in force at the backend before")
    func stale() {
        for marker in [nil, JournalMarker(lineage: "other", instance: 1)] {
            #expect(listed(journal(wasConfirmed: true), .record(marker, Self.backends)) == Self.backends)
        }
    }

    @Test("records that do not know of each other are joined")
    func strangers() {
        #expect(listed(journal(wasConfirmed: false), .record(nil, Self.backends)) == Self.journals.union(Self.backends))
    }

    @Test("a backend that lost its record does not take the journal's clients with it", arguments: [false, true])
    func emptied(wasConfirmed: Bool) {
        #expect(listed(journal(wasConfirmed: wasConfirmed), .record(nil, [])) == Self.journals)
    }
}
