import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "SEQUENCE (RFC 8881 §18.46, §2.10.6)",
    .covers(
        .sequence,
        never: [
            .connNotBoundToSession: "no state protection is granted, so any connection may be used (§2.10.3.1)",
            .retryUncachedRep: "the operation behind SEQUENCE answers it: SEQUENCE must not (§2.10.6.1.3)",
        ]))
struct SequenceTests {
    @Test("the reply repeats session, sequence and slot")
    func reply() async throws {
        let session = try await newSession()
        for slot in UInt32(0)..<3 {
            let result = try await session.compound(slot: slot).succeeded().sequence
            #expect(result.session == session.id)
            #expect(result.slot == slot)
            #expect(result.targetHighestSlot == session.created.fore.maxRequests - 1)
            #expect(result.highestSlot == session.created.fore.maxRequests - 1)
            #expect(result.flags == 0)
        }
    }

    @Test("a retry of a cached request is answered with the same bytes and not carried out again")
    func replay() async throws {
        let (session, directory) = try await newDirectory()
        let request = [await session.nextSequence(cacheThis: true), .putFH(directory), .create(.directory, "once"), .getFH]
        let first = try await session.connection.compound(request).succeeded()
        #expect(try await session.connection.compound(request).bytes == first.bytes)
        #expect(try await newConnection().compound(request).bytes == first.bytes)
        #expect(try await session.compound(.putFH(directory), slot: 1).status == .ok)
        #expect(try await session.connection.compound(request).bytes == first.bytes)
    }

    @Test("a retry of a cached request that failed is answered with the same failure")
    func replayOfFailure() async throws {
        let (session, directory) = try await newDirectory()
        let request = [await session.nextSequence(cacheThis: true), .putFH(directory), .remove("later")]
        let first = try await session.connection.compound(request)
        #expect(first.outcome == Outcome(.remove, .noEnt))
        try await session.compound(.putFH(directory), .create(.directory, "later"), slot: 1).succeeded()
        #expect(try await session.connection.compound(request).bytes == first.bytes)
        #expect(try await session.compound(.putFH(directory), .lookup("later"), slot: 1).status == .ok)
    }

    /// A session of which no reply is kept.
    private func sessionWithoutCache() async throws -> TestSession {
        var fore = ChannelAttributes()
        fore.maxResponseSizeCached = 0
        return try await newSession(fore: fore, reclaimComplete: false)
    }

    @Test("a retry of a request whose reply was not kept is not carried out: SEQUENCE succeeds, what follows is RETRY_UNCACHED_REP")
    func uncachedReplay() async throws {
        let (other, directory) = try await newDirectory()
        let session = try await sessionWithoutCache()
        let request = [await session.nextSequence(), .putFH(directory), .create(.directory, "once")]
        let first = try await session.connection.compound(request).succeeded()
        for _ in 0..<2 {
            let again = try await newConnection().compound(request)
            #expect(again.results.map(\.outcome) == [Outcome(.sequence, .ok), Outcome(.putFH, .retryUncachedRep)])
            #expect(try again.sequence == first.sequence)
        }
        #expect(try await other.entries(directory).count == 1)
        await session.advance()
        #expect(try await session.compound(.putFH(directory), .create(.directory, "two")).status == .ok)
    }

    @Test("a retry of a solo SEQUENCE succeeds although nothing was kept")
    func uncachedSoloReplay() async throws {
        let session = try await sessionWithoutCache()
        let request = await session.nextSequence()
        let first = try await session.connection.compound(request).succeeded()
        #expect(try await session.connection.compound(request).bytes == first.bytes)
    }

    @Test("a retry whose second operation is illegal, retired or misplaced says so again (§2.10.6.1.3)")
    func uncachedReplayOfIllegal() async throws {
        let session = try await sessionWithoutCache()
        let requests: [(Operation, Outcome)] = [
            (Operation(code: 72), Outcome(.illegal, .opIllegal)), (.renew(), Outcome(.renew, .notSupp)),
            (.sequence(session.id, sequence: 9), Outcome(.sequence, .sequencePos)),
        ]
        for (operation, outcome) in requests {
            let request = [await session.nextSequence(), operation]
            for _ in 0..<2 { #expect(try await session.connection.compound(request).outcome == outcome) }
            await session.advance()
        }
    }

    @Test("a request to be cached of which nothing can be kept is REP_TOO_BIG_TO_CACHE on SEQUENCE, and the slot stays as it is")
    func nothingCanBeKept() async throws {
        let session = try await sessionWithoutCache()
        let reply = try await session.compound(.putRootFH, cacheThis: true)
        #expect(reply.outcome == Outcome(.sequence, .repTooBigToCache))
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("a reply too small for SEQUENCE itself is REP_TOO_BIG on SEQUENCE, and the slot stays as it is")
    func noRoomForSequence() async throws {
        var fore = ChannelAttributes()
        fore.maxResponseSize = 512
        let session = try await newSession(fore: fore)
        let tag = [UInt8](repeating: UInt8(ascii: "t"), count: 512)
        let reply = try await session.connection.compound([await session.nextSequence()], tag: tag)
        #expect(reply.outcome == Outcome(.sequence, .repTooBig))
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("a retry may name another highest slot and other wishes for the cache: it is a retry all the same")
    func replayWithOtherSequenceArguments() async throws {
        let (session, directory) = try await newDirectory()
        let operations = [Operation.putFH(directory), .create(.directory, "once")]
        let first = try await session.connection.compound([.sequence(session.id, sequence: 1, slot: 1)] + operations).succeeded()
        let again = Operation.sequence(session.id, sequence: 1, slot: 1, highestSlot: 4, cacheThis: true)
        #expect(try await session.connection.compound([again] + operations).bytes == first.bytes)
    }

    @Test("a retry while the request is still executing is DELAY, and later it is answered from the cache (§2.10.6.2)", .ownProcess)
    func retryInProgress() async throws {
        // In grace an open is held for two seconds before it is refused.
        let server = try await ServerUnderTest.start()
        let first = try await server.session()
        let directory = try await server.newDirectory(first)
        _ = try await first.open(directory, "file")
        try await server.restart()
        let session = try await server.session(reclaimComplete: false)
        let request = [await session.nextSequence(cacheThis: true), .putFH(directory), .open(.null("new"), .unchecked(.none))]
        let other = Connection(try await server.connect())
        async let one = session.connection.compound(request)
        async let another = other.compound(request)
        let outcomes = [try await one.outcome, try await another.outcome]
        #expect(outcomes.contains(Outcome(.sequence, .delay)))
        #expect(outcomes.contains(Outcome(.open, .grace)))
        #expect(try await other.compound(request).outcome == Outcome(.open, .grace))
    }

    @Test("a retry of a solo SEQUENCE is answered again")
    func soloReplay() async throws {
        let session = try await newSession()
        let request = await session.nextSequence()
        let first = try await session.connection.compound(request).succeeded()
        #expect(try await session.connection.compound(request).bytes == first.bytes)
    }

    @Test("a sequence that is neither next nor last is SEQ_MISORDERED and changes nothing", arguments: [2, 77, UInt32.max])
    func misordered(_ skip: UInt32) async throws {
        let session = try await newSession()
        try await session.run(.putRootFH)
        try await session.run(.putRootFH)
        let wrong = Operation.sequence(session.id, sequence: 3 &+ skip)
        #expect(try await session.connection.compound(wrong).outcome == Outcome(.sequence, .seqMisordered))
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("an unused slot starts with sequence 1", arguments: [0, 2, UInt32.max])
    func firstOnSlot(_ sequence: UInt32) async throws {
        let session = try await newSession()
        let wrong = Operation.sequence(session.id, sequence: sequence, slot: 2)
        #expect(try await session.connection.compound(wrong).outcome == Outcome(.sequence, .seqMisordered))
        #expect(try await session.compound(slot: 2).status == .ok)
    }

    @Test("another request under a used sequence is SEQ_FALSE_RETRY and not carried out (§2.10.6.1.3.1)", arguments: [true, false])
    func falseRetry(_ cacheThis: Bool) async throws {
        let (session, directory) = try await newDirectory()
        let sequence = await session.nextSequence(cacheThis: cacheThis)
        let first = try await session.connection.compound(sequence, .putFH(directory), .create(.directory, "one")).succeeded()
        for operations in [[Operation.putFH(directory), .create(.directory, "two")], [.putRootFH], []] {
            let reply = try await session.connection.compound([sequence] + operations)
            #expect(reply.outcome == Outcome(.sequence, .seqFalseRetry))
        }
        #expect(try await session.connection.compound(sequence, .putFH(directory), .create(.directory, "one")).bytes == first.bytes)
        try await session.compound(slot: 1).succeeded()
        #expect(try await session.compound(.putFH(directory), .lookup("two"), slot: 1).outcome == Outcome(.lookup, .noEnt))
    }

    @Test("a retry by another principal is SEQ_FALSE_RETRY (§2.10.6.1.3.1)")
    func falseRetryByOtherPrincipal() async throws {
        let (session, directory) = try await newDirectory()
        let request = [await session.nextSequence(cacheThis: true), .putFH(directory), .create(.directory, "secret")]
        _ = try await session.connection.compound(request).succeeded()
        let reply = try await session.connection.compound(request, credential: .user)
        #expect(reply.outcome == Outcome(.sequence, .seqFalseRetry))
    }

    @Test("a slot beyond those negotiated is BADSLOT")
    func badSlot() async throws {
        let session = try await newSession()
        for slot in [session.created.fore.maxRequests, 1 << 16, .max] {
            let reply = try await session.connection.compound(.sequence(session.id, sequence: 1, slot: slot))
            #expect(reply.outcome == Outcome(.sequence, .badSlot))
        }
    }

    @Test("every negotiated slot can be used")
    func allSlots() async throws {
        let session = try await newSession()
        for slot in 0..<session.created.fore.maxRequests { #expect(try await session.compound(slot: slot).status == .ok) }
    }

    @Test("a highest slot beyond those negotiated is BAD_HIGH_SLOT")
    func badHighSlot() async throws {
        let session = try await newSession()
        let request = Operation.sequence(session.id, sequence: 1, slot: 1, highestSlot: .max)
        #expect(try await session.connection.compound(request).outcome == Outcome(.sequence, .badHighSlot))
    }

    @Test("an unknown session is BADSESSION", arguments: [0, 1, 0xff] as [UInt8])
    func badSession(_ byte: UInt8) async throws {
        let id = SessionID(Array(repeating: byte, count: 16))
        #expect(try await newConnection().compound(.sequence(id, sequence: 1)).outcome == Outcome(.sequence, .badSession))
    }

    @Test("a session ID with any one bit changed is BADSESSION, not another session")
    func changedSessionID() async throws {
        let session = try await newSession()
        for bit in 0..<128 {
            var id = session.id
            id.bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            let reply = try await session.connection.compound(.sequence(id, sequence: 1, slot: 3))
            #expect(reply.status == .badSession, "bit \(bit)")
        }
    }

    @Test("SEQUENCE after the first place is SEQUENCE_POS")
    func position() async throws {
        let session = try await newSession()
        let reply = try await session.compound(.putRootFH, .sequence(session.id, sequence: 1, slot: 1))
        #expect(reply.outcome == Outcome(.sequence, .sequencePos))
        #expect(try await session.compound(slot: 1).status == .ok)
    }

    @Test("more operations than negotiated are TOO_MANY_OPS")
    func tooManyOperations() async throws {
        var fore = ChannelAttributes()
        fore.maxOperations = 4
        let session = try await newSession(fore: fore)
        let limit = Int(session.created.fore.maxOperations)
        let tooMany = try await session.compound(Array(repeating: .putRootFH, count: limit))
        #expect(tooMany.outcome == Outcome(.sequence, .tooManyOps))
        #expect(limit == 4)
        #expect(try await session.compound(Array(repeating: .putRootFH, count: limit - 1)).status == .ok)
    }

    @Test("a request larger than negotiated is REQ_TOO_BIG")
    func requestTooBig() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        var fore = ChannelAttributes()
        fore.maxRequestSize = 4096
        let small = try await newSession(fore: fore)
        let size = Int(small.created.fore.maxRequestSize)
        let reply = try await small.compound(.putFH(file), .write(.anonymous, Array(repeating: 1, count: size)))
        #expect(reply.outcome == Outcome(.sequence, .reqTooBig))
        #expect(try await small.compound(.putFH(file), .write(.anonymous, Array(repeating: 1, count: size - 512))).status == .ok)
    }

    @Test("a reply larger than negotiated is REP_TOO_BIG, and stays within the limit")
    func replyTooBig() async throws {
        var fore = ChannelAttributes()
        fore.maxResponseSize = 1024
        let session = try await newSession(fore: fore)
        let limit = Int(session.created.fore.maxResponseSize)
        let reply = try await session.compound([.putRootFH] + Array(repeating: .getAttr([.supportedAttrs, .type]), count: 60))
        #expect(reply.status == .repTooBig)
        #expect(reply.bytes.count + 24 <= limit)
        #expect(try await session.compound(.putRootFH).status == .ok)
    }

    @Test("a reply too large for the cache is REP_TOO_BIG_TO_CACHE when it was to be cached, and fine when not")
    func replyTooBigToCache() async throws {
        var fore = ChannelAttributes()
        fore.maxResponseSizeCached = 512
        let session = try await newSession(fore: fore)
        let operations = [Operation.putRootFH] + Array(repeating: .getAttr([.supportedAttrs, .type]), count: 60)
        #expect(try await session.compound(operations, cacheThis: true).status == .repTooBigToCache)
        #expect(try await session.compound(operations, cacheThis: false).status == .ok)
    }

    @Test("a session without state protection can be used on any connection (§2.10.3.1)")
    func otherConnection() async throws {
        let session = try await newSession()
        let request = await session.nextSequence()
        #expect(try await newConnection().compound(request, .putRootFH).status == .ok)
    }

    @Test("a connection may serve several sessions")
    func severalSessions() async throws {
        let (first, second) = (try await newSession(), try await newSession())
        for _ in 0..<3 {
            for session in [first, second] {
                let request = await session.nextSequence()
                #expect(try await first.connection.compound(request, .putRootFH).status == .ok)
                await session.advance()
            }
        }
    }

    @Test("requests pipelined on all slots of a session are all answered", .overSocket)
    func pipelined() async throws {
        let (session, directory) = try await newDirectory()
        let socket = try await sharedSocketServer().socket()
        let calls = (1..<session.created.fore.maxRequests).map { slot in
            let operations = [
                Operation.sequence(session.id, sequence: 1, slot: slot), .putFH(directory), .create(.directory, "slot \(slot)"),
            ]
            return RPCCall(xid: Connection.newXID(), arguments: Connection.compoundArguments(operations))
        }
        for call in calls { try await socket.send(call.bytes) }
        var answered: Set<UInt32> = []
        for _ in calls {
            let reply = try RPCReply(try await socket.receive())
            #expect(try CompoundReply(reply.results).status == .ok)
            answered.insert(reply.xid)
        }
        #expect(answered == Set(calls.map(\.xid)))
        #expect(try await session.entries(directory).count == calls.count)
    }
}
