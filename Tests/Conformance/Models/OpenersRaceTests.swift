import NFSTestClient
import Synchronization
import Testing

/// Openers of one file that race OPEN, OPEN_DOWNGRADE and CLOSE from several slots at once, each on a connection of its own.
///
/// A client orders the replies of one open by their seqids, and waits for the one that is missing. A seqid that is skipped,
/// given out twice, or given to an open that is closed already makes it wait for ever.
@Suite("Racing OPEN, OPEN_DOWNGRADE and CLOSE (RFC 8881 §8.2.2, §9.9, §9.10)")
struct OpenersRaceTests {
    @Test(
        "each change counts one, the replies in the order of their seqids are a legal history, and what is left is known",
        .timeLimit(.minutes(2)), arguments: 1...6 as ClosedRange<UInt64>)
    func openersRace(_ seed: UInt64) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let race = OpenRace(owners: ["first", "second"], file: file)
        try await withThrowingTaskGroup { group in
            for number in UInt64(1)...8 {
                let lane = try await Lane(of: session, slot: UInt32(number))
                group.addTask { try await race.run(on: lane, SeededGenerator(seed: seed << 8 | number), steps: 200) }
            }
            try await group.waitForAll()
        }

        let opens = race.opens
        for open in opens { open.check() }
        // A name is given to one owner, and its next open has another.
        #expect(Set(opens.map(\.other)).count == opens.count)
        for (index, open) in opens.enumerated() {
            for other in opens[..<index] where other.owner == open.owner { open.checkNoOverlap(with: other) }
        }
        let left = opens.filter { $0.closing == nil }
        #expect(Set(left.map(\.owner)).count == left.count, "an owner has two opens")
        for open in opens {
            let latest = StateID(seqid: UInt32(open.changes.count), other: open.other)
            let known = open.closing == nil
            #expect(try await session.run(.testStateID([latest])).statuses == [known ? .ok : .badStateID])
            if known { try await session.run(.putFH(file), .close(latest)) }
        }
        // Nothing is held any more, or this would be denied.
        try await session.run(.putFH(file), .open(.fileHandle, access: .both, deny: .both))
        // A history in which nothing of interest happened shows nothing.
        let statuses = race.steps.reduce(into: [:]) { $0[$1.status, default: 0] += 1 }
        #expect(opens.count > 20 && statuses[.oldStateID, default: 0] > 3 && statuses[.badStateID, default: 0] > 3, "\(statuses)")
    }
}

/// What the openers have in common, and what became of their requests.
private final class OpenRace: Sendable {
    enum Request: Sendable {
        case open(Share)
        case downgrade(StateID, Share)
        case close(StateID)
    }

    /// A request, its reply, and when it was under way.
    struct Step: Sendable {
        let owner: StateOwner
        let request: Request
        let status: Status
        /// What OPEN and OPEN_DOWNGRADE returned.
        let stateID: StateID?
        let start: ContinuousClock.Instant
        let end: ContinuousClock.Instant
    }

    private struct State {
        /// The stateids of each owner as their replies came in.
        var known: [StateOwner: [StateID]] = [:]
        var steps: [Step] = []
    }

    private let owners: [StateOwner]
    private let file: FileHandle
    private let state = Mutex(State())

    init(owners: [StateOwner], file: FileHandle) {
        self.owners = owners
        self.file = file
    }

    var steps: [Step] { state.withLock { $0.steps } }

    func run(on lane: Lane, _ random: SeededGenerator, steps: Int) async throws {
        var (lane, random) = (lane, random)
        for _ in 0..<steps {
            let owner = owners.randomElement(using: &random)!
            let request = self.request(of: owner, &random)
            let start = ContinuousClock.now
            let reply = try await lane.compound(.putFH(file), operation(request, owner))
            let stateID: StateID? =
                switch request {
                case .open where reply.status == .ok: try reply.open.stateID
                case .downgrade where reply.status == .ok: try reply.stateID
                default: nil
                }
            let step = Step(
                owner: owner, request: request, status: reply.status, stateID: stateID, start: start, end: ContinuousClock.now)
            state.withLock { state in
                state.steps.append(step)
                if let stateID { state.known[owner, default: []].append(stateID) }
            }
        }
    }

    /// Mostly about the state a client would believe to be the latest, at times about an older one.
    private func request(of owner: StateOwner, _ random: inout SeededGenerator) -> Request {
        let access = [Share.read, .write, .both].randomElement(using: &random)!
        let known = state.withLock { $0.known[owner, default: []].suffix(8) }
        guard let last = known.last, Int.random(in: 0..<5, using: &random) > 1 else { return .open(access) }
        var stateID = last
        for candidate in known where candidate.other == last.other && candidate.seqid > stateID.seqid { stateID = candidate }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: stateID = known.randomElement(using: &random)!
        case 1 where stateID.seqid > 1: stateID.seqid -= 1
        default: break
        }
        return Bool.random(using: &random) ? .downgrade(stateID, access) : .close(stateID)
    }

    private func operation(_ request: Request, _ owner: StateOwner) -> Operation {
        switch request {
        case .open(let access): .open(.fileHandle, access: access, owner: owner)
        case .downgrade(let stateID, let access): .openDowngrade(stateID, access: access)
        case .close(let stateID): .close(stateID)
        }
    }

    /// Everything that was answered, by the open it was about.
    var opens: [OpenHistory] {
        var opens: [[UInt8]: OpenHistory] = [:]
        for step in steps {
            let other: [UInt8]
            switch step.request {
            case .open:
                guard let stateID = step.stateID else {
                    Issue.record("an OPEN that nothing forbids came to \(step.status)")
                    continue
                }
                other = stateID.other
            case .downgrade(let stateID, _), .close(let stateID): other = stateID.other
            }
            opens[other, default: OpenHistory(owner: step.owner, other: other)].add(step)
        }
        return Array(opens.values)
    }
}

/// The life of one open, from the first OPEN that made it to its CLOSE.
private struct OpenHistory {
    let owner: StateOwner
    let other: [UInt8]
    /// The OPENs and OPEN_DOWNGRADEs that succeeded, by the seqid they were answered with.
    private(set) var changes: [OpenRace.Step] = []
    private(set) var closing: OpenRace.Step?
    private var failures: [OpenRace.Step] = []

    init(owner: StateOwner, other: [UInt8]) {
        self.owner = owner
        self.other = other
    }

    mutating func add(_ step: OpenRace.Step) {
        #expect(step.owner == owner, "a stateid of another owner's open")
        if step.stateID != nil {
            changes.append(step)
            changes.sort { $0.stateID!.seqid < $1.stateID!.seqid }
        } else if step.status == .ok {
            #expect(closing == nil, "closed twice")
            closing = step
        } else {
            failures.append(step)
        }
    }

    func check() {
        #expect(changes.map { $0.stateID!.seqid } == Array(1...UInt32(changes.count)), "seqids are skipped or given out twice")
        var asked: [UInt32: Set<UInt32>] = [:]
        var current: Set<UInt32> = []
        for (index, step) in changes.enumerated() {
            let seqid = UInt32(index + 1)
            switch step.request {
            case .open(let access): current.insert(access.rawValue)
            case .downgrade(let stateID, let access):
                #expect(stateID.seqid == seqid - 1, "a downgrade of what was not the latest state")
                #expect(Self.canNarrow(current, to: access), "\(current) was narrowed to \(access)")
                current = current.filter { $0 & ~access.rawValue == 0 }
            case .close: Issue.record("a CLOSE returned a new state")
            }
            asked[seqid] = current
        }
        if case .open? = changes.first?.request {} else { Issue.record("the open does not begin with an OPEN") }
        if case .close(let stateID)? = closing?.request { #expect(stateID.seqid == UInt32(changes.count), "changed after its CLOSE") }
        for step in failures { check(step, asked) }
    }

    /// - Parameter asked: the accesses the open stood for, by its seqid.
    private func check(_ failure: OpenRace.Step, _ asked: [UInt32: Set<UInt32>]) {
        let given: StateID
        switch failure.request {
        case .open:
            Issue.record("OPEN came to \(failure.status)")
            return
        case .downgrade(let stateID, _), .close(let stateID): given = stateID
        }
        switch (failure.status, failure.request) {
        case (.oldStateID, _): #expect(given.seqid < UInt32(changes.count), "OLD_STATEID for the latest state")
        case (.badStateID, _):
            if let closing {
                #expect(closing.start < failure.end, "BAD_STATEID before the CLOSE was sent")
            } else {
                Issue.record("BAD_STATEID for an open that was never closed")
            }
        case (.inval, .downgrade(_, let access)):
            #expect(!Self.canNarrow(asked[given.seqid, default: []], to: access), "INVAL for a legal downgrade")
        default: Issue.record("\(failure.request) came to \(failure.status)")
        }
    }

    /// Whether `access` is the union of some of what was asked for (§18.18.3).
    private static func canNarrow(_ asked: Set<UInt32>, to access: Share) -> Bool {
        asked.filter { $0 & ~access.rawValue == 0 }.reduce(0, |) == access.rawValue
    }

    /// An owner has one open of a file at a time: while this one was certainly there, the other was not.
    func checkNoOverlap(with other: OpenHistory) {
        guard let mine = certainLife, let others = other.certainLife else { return }
        #expect(mine.upperBound <= others.lowerBound || others.upperBound <= mine.lowerBound, "two opens of one owner at once")
    }

    /// From the first reply to the CLOSE. Nil where the CLOSE, by an opener that came later, overtook that reply.
    private var certainLife: Range<ContinuousClock.Instant>? {
        let start = changes[0].end
        let end = closing?.start ?? changes.map(\.end).max()!
        return start < end ? start..<end : nil
    }
}
