import NFSProtocol
import NFSState
import Testing

/// Random histories of clients that start, restart, collide, connect, leave and fall silent, against a model.
struct ClientHistoryTests {
    struct Known {
        let client: Client
        let verifier: UInt64
        let principal: Principal
        var sequence: UInt32 = 0
        var sessions: [SessionID] = []
        var renewed: UInt64
    }

    struct Model {
        var confirmed: [String: Known] = [:]
        var unconfirmed: [String: Known] = [:]
    }

    private let owners = ["a", "b", "c"]
    private let principals = [root, user]

    @Test(arguments: 1...30) func recordsMatchTheModel(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var table = clientTable { $0.courtesy = .zero }
        var model = Model()
        var second: UInt64 = 0
        var everSeen: [Client] = []
        var outcomes: [NFSStatus: Int] = [:]
        for _ in 0..<500 {
            second += random.below(20) == 0 ? 70 : UInt64(random.below(3))
            let owner = owners[random.below(3)]
            let status: NFSStatus
            switch random.below(11) {
            case 0...3: status = exchange(owner, &random, second, &table, &model, &everSeen)
            case 4...6: status = create(owner, &random, second, &table, &model)
            case 7:
                guard let session = model.confirmed[owner]?.sessions.popLast() else { continue }
                status = NFSStateTests.status { () throws(NFSStatus) in _ = try table.destroySession(session) }
                #expect(status == .ok)
            case 8:
                guard let known = [model.confirmed[owner], model.unconfirmed[owner]].compactMap({ $0 }).first else { continue }
                status = NFSStateTests.status { () throws(NFSStatus) in _ = try table.destroyClientID(known.client.id, principal: root) }
                #expect(status == (known.sessions.isEmpty ? .ok : .clientidBusy))
                guard status == .ok else { break }
                if model.confirmed[owner]?.client === known.client { model.confirmed[owner] = nil } else { model.unconfirmed[owner] = nil }
            case 9:
                guard let known = model.confirmed[owner] else { continue }
                // Nothing was held, so the client goes on when its lease has lapsed and was ended.
                let lapsed = table.lapse(known.client, now: seconds(second))
                #expect(lapsed == (second - known.renewed > 60) && (known.client.stateFlags == .expiredAllStateRevoked) == lapsed)
                if lapsed { known.client.endRevocation() }
                status = .ok
            default:
                let dropped = table.removeExpired(now: seconds(second)).map(\.client.id)
                let expected = model.confirmed.values.filter { second - $0.renewed > 60 }.map(\.client.id)
                #expect(Set(dropped) == Set(expected))
                model.confirmed = model.confirmed.filter { second - $0.value.renewed <= 60 }
                model.unconfirmed = model.unconfirmed.filter { second - $0.value.renewed <= 60 }
                status = .ok
            }
            outcomes[status, default: 0] += 1
            try table.checkInvariants()
            let alive = Set((Array(model.confirmed.values) + Array(model.unconfirmed.values)).map(\.client.id))
            for client in everSeen { try #require(client.isGone != alive.contains(client.id)) }
            #expect(Set(table.confirmedClients.map(\.id)) == Set(model.confirmed.values.map(\.client.id)))
            #expect(table.sessions.count == model.confirmed.values.reduce(0) { $0 + $1.sessions.count })
        }
        for status: NFSStatus in [.ok, .clidInuse, .noent, .notSame, .perm, .seqMisordered, .clientidBusy] {
            #expect(outcomes[status, default: 0] > 0, "\(status)")
        }
    }

    private func exchange(
        _ owner: String, _ random: inout SeededGenerator, _ second: UInt64, _ table: inout ClientTable, _ model: inout Model,
        _ everSeen: inout [Client]
    ) -> NFSStatus {
        let verifier = UInt64(random.below(2))
        let principal = principals[random.below(4) / 3]
        let update = random.below(3) == 0
        let old = model.confirmed[owner]
        let expected: NFSStatus
        var isOld = false
        switch (update, old) {
        case (true, nil): expected = .noent
        case (true, let old?):
            expected = old.verifier != verifier ? .notSame : old.principal != principal ? .perm : .ok
            isOld = true
        case (false, let old?) where old.principal != principal:
            expected = old.sessions.isEmpty || second - old.renewed > 60 ? .ok : .clidInuse
        case (false, let old):
            expected = .ok
            isOld = old?.verifier == verifier
        }
        do throws(NFSStatus) {
            let (result, dropped) = try table.exchange(owner, verifier: verifier, as: principal, update: update, now: seconds(second))
            #expect(expected == .ok && result.isConfirmed == isOld && (!isOld || result.client === old?.client))
            guard !isOld else { return .ok }
            #expect(result.sequence == 1)
            let collides = old.map { $0.principal != principal } ?? false
            #expect((dropped?.client === old?.client) == collides || old == nil)
            if collides { model.confirmed[owner] = nil }
            model.unconfirmed[owner] = Known(client: result.client, verifier: verifier, principal: principal, renewed: second)
            everSeen.append(result.client)
            return .ok
        } catch {
            #expect(error == expected)
            return error
        }
    }

    private func create(
        _ owner: String, _ random: inout SeededGenerator, _ second: UInt64, _ table: inout ClientTable, _ model: inout Model
    ) -> NFSStatus {
        let confirms = model.unconfirmed[owner] != nil && (model.confirmed[owner] == nil || random.below(2) == 0)
        guard var known = confirms ? model.unconfirmed[owner] : model.confirmed[owner] else { return .ok }
        let sequence = random.below(5) == 0 ? UInt32(random.below(10)) : known.sequence + 1
        let principal = random.below(5) == 0 ? user : known.principal
        do throws(NFSStatus) {
            switch try table.createSession(
                sessionRequest(known.client.id, sequence), principal: principal, connection: 1, now: seconds(second))
            {
            case .replay(let result):
                #expect(sequence == known.sequence && known.sequence > 0 && result.sequence == sequence)
            case .created(let result, let session, let dropped):
                #expect(sequence == known.sequence + 1 && (!confirms || principal == known.principal))
                #expect(result.session == session.id && session.client === known.client)
                let displaced = confirms ? model.confirmed[owner] : nil
                #expect(dropped?.client === displaced?.client && dropped?.sessions.count == displaced?.sessions.count)
                known.sequence = sequence
                known.sessions.append(session.id)
                known.renewed = second
                model.confirmed[owner] = known
                if confirms { model.unconfirmed[owner] = nil }
            }
            return .ok
        } catch {
            switch error {
            case .seqMisordered: #expect(sequence != known.sequence + 1 && (sequence != known.sequence || known.sequence == 0))
            case .clidInuse: #expect(confirms && principal != known.principal)
            default: Issue.record("unexpected \(error)")
            }
            return error
        }
    }
}
