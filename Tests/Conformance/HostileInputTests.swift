import NFSTestClient
import Testing

@Suite("Hostile bytes: the server neither ends nor grows, and the next honest client is served", .ownProcess, .timeLimit(.minutes(5)))
struct HostileInputTests {
    @Test("random records", arguments: [1, 2, 3] as [UInt64])
    func randomRecords(_ seed: UInt64) async throws {
        let adversary = try await Adversary(ServerUnderTest.start())
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<400 {
            // Half of them look like a call at first.
            var record: [UInt8] = Bool.random(using: &generator) ? Array(RPCCall(xid: 7).bytes.prefix(24)) : [0, 0, 0, 7, 0, 0, 0, 0]
            record += (0..<Int.random(in: 0...2000, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            try await adversary.send(record)
        }
        #expect(try await adversary.honestClientIsServed())
    }

    @Test("random operations with random arguments", arguments: [11, 12, 13] as [UInt64])
    func randomOperations(_ seed: UInt64) async throws {
        let adversary = try await Adversary(ServerUnderTest.start())
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<400 {
            let operations = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                let small = Bool.random(using: &generator)
                let words = (0..<Int.random(in: 0...24, using: &generator)).flatMap { _ -> [UInt8] in
                    small ? [0, 0, 0, .random(in: 0...9, using: &generator)] : (0..<4).map { _ in .random(in: 0...255, using: &generator) }
                }
                return Operation(code: .random(in: 3...72, using: &generator), arguments: words)
            }
            try await adversary.send(operations)
        }
        #expect(await adversary.acceptedShare > 0.5)
        #expect(try await adversary.honestClientIsServed())
    }

    @Test("every operation cut short at every byte")
    func truncated() async throws {
        let adversary = try await Adversary(ServerUnderTest.start())
        for operation in Operation.samples {
            for cut in 1...max(1, operation.arguments.count) {
                try await adversary.send([operation]) { $0.removeLast(min(cut, $0.count)) }
            }
        }
        #expect(await adversary.acceptedShare > 0.5)
        #expect(try await adversary.honestClientIsServed())
    }

    @Test("a call cut short at every byte from its first")
    func truncatedCall() async throws {
        let adversary = try await Adversary(ServerUnderTest.start())
        let record = RPCCall(xid: 9, arguments: Connection.compoundArguments([.exchangeID(.unique())])).bytes
        for length in 24..<record.count { try await adversary.send(Array(record.prefix(length))) }
        #expect(try await adversary.honestClientIsServed())
    }

    @Test(
        "every word of every operation overwritten: lengths, counts, bitmaps",
        arguments: [0xffff_ffff, 0x7fff_ffff, 0x0001_0000, 0] as [UInt32])
    func oversizedWords(_ word: UInt32) async throws {
        let adversary = try await Adversary(ServerUnderTest.start())
        for operation in Operation.samples {
            for position in stride(from: 0, to: operation.arguments.count, by: 4) {
                var spoiled = operation
                for index in 0..<4 { spoiled.arguments[position + index] = UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * index)) }
                try await adversary.send([spoiled])
            }
        }
        #expect(await adversary.acceptedShare > 0.5)
        #expect(try await adversary.honestClientIsServed())
    }

    @Test("single bits turned in good requests", arguments: [21, 22] as [UInt64])
    func turnedBits(_ seed: UInt64) async throws {
        let adversary = try await Adversary(ServerUnderTest.start())
        var generator = SeededGenerator(seed: seed)
        for round in 0..<1200 {
            let bit = Int.random(in: 0...Int.max, using: &generator)
            // The message type is spared: a reply would rightly get no answer.
            try await adversary.send([Operation.samples[round % Operation.samples.count], .getAttr([.type])]) { record in
                let position = 8 + bit % (record.count - 8)
                record[position] ^= 1 << UInt8(bit >> 40 & 7)
            }
        }
        #expect(await adversary.acceptedShare > 0.5)
        #expect(try await adversary.honestClientIsServed())
    }

    @Test("bitmaps of a hundred thousand words")
    func hugeBitmaps() async throws {
        let adversary = try await Adversary(ServerUnderTest.start())
        let bitmap = AttributeSet(words: Array(repeating: .max, count: 100_000))
        var attributes = FileAttributes.none
        attributes.rawSet = bitmap
        for operation in [
            Operation.getAttr(bitmap), .readDir(bitmap), .setAttr(attributes), .verify(attributes), .create(.directory, "x", attributes),
        ] {
            try await adversary.send([operation])
        }
        #expect(await adversary.acceptedShare > 0.5)
        #expect(try await adversary.honestClientIsServed())
    }

    @Test("compounds of a hundred thousand operations")
    func manyOperations() async throws {
        let adversary = try await Adversary(ServerUnderTest.start())
        for operation in [Operation.putRootFH, .getFH, .saveFH, Operation(code: 0)] {
            try await adversary.send(Array(repeating: operation, count: 100_000))
            let arguments = Connection.compoundArguments(Array(repeating: operation, count: 100_000))
            try await adversary.send(RPCCall(xid: Connection.newXID(), arguments: arguments).bytes)
        }
        #expect(try await adversary.honestClientIsServed())
    }

    @Test("records begun and left")
    func halfRecords() async throws {
        let server = try await ServerUnderTest.start()
        let adversary = try await Adversary(server)
        for round in 0..<400 {
            let socket = try await server.socket()
            var encoder = XDREncoder()
            encoder.uint32(0x8000_0000 | 1 << 20)
            encoder.raw(Array(repeating: 0, count: round % 3000))
            try await socket.sendRaw(Array(encoder.bytes.prefix(round % 3000)))
            await socket.close()
        }
        #expect(try await adversary.honestClientIsServed())
    }

    @Test("hundreds of connections that announce large records and fall silent")
    func idleConnections() async throws {
        let server = try await ServerUnderTest.start()
        let adversary = try await Adversary(server)
        var sockets: [SocketExchange] = []
        for _ in 0..<300 {
            let socket = try await server.socket()
            try await socket.sendRaw([0x80, 0x0f, 0xff, 0xff, 0, 0, 0, 1])
            sockets.append(socket)
        }
        #expect(try await adversary.honestClientIsServed())
        for socket in sockets { await socket.close() }
    }

    @Test("a client that asks for much and never reads what it is answered")
    func neverReads() async throws {
        let server = try await ServerUnderTest.start()
        let adversary = try await Adversary(server)
        let (session, directory) = try await server.sessionInNewDirectory()
        let file = try await session.makeFile(directory, "file", Array(repeating: 1, count: 1 << 20))
        let socket = try await server.socket(timeout: 2)
        var sequence: UInt32 = 0
        // Sending stops when the server stops reading; a server that never does takes it all, and has to keep its memory bounded.
        await #expect(throws: ConnectionError.timedOut) {
            for _ in 0..<100_000 {
                sequence += 1
                let operations = [Operation.sequence(session.id, sequence: sequence, slot: 1), .putFH(file), .read(count: 1 << 20)]
                try await socket.send(RPCCall(xid: sequence, arguments: Connection.compoundArguments(operations)).bytes)
            }
        }
        #expect(try await adversary.honestClientIsServed())
    }

    @Test("ten thousand client owners that never confirm")
    func unconfirmedClients() async throws {
        let server = try await ServerUnderTest.start()
        let adversary = try await Adversary(server)
        let connection = Connection(try await server.connect())
        for _ in 0..<10_000 { _ = try await connection.compound(.exchangeID(.unique())) }
        #expect(try await adversary.honestClientIsServed(growth: 96 << 20))
    }

    @Test("hundreds of sessions with all the channel there is")
    func manySessions() async throws {
        let server = try await ServerUnderTest.start()
        let adversary = try await Adversary(server)
        let session = try await server.session()
        var wishes = ChannelAttributes()
        wishes.maxRequests = .max
        wishes.maxResponseSizeCached = .max
        var sequence = session.nextCreateSequence
        for _ in 0..<300 {
            let create = Operation.createSession(clientID: session.clientID, sequence: sequence, fore: wishes)
            guard try await session.connection.compound(create).status == .ok else { break }
            sequence &+= 1
        }
        #expect(try await adversary.honestClientIsServed())
    }

    @Test("replies sent to the server are ignored or end the connection")
    func replies() async throws {
        let server = try await ServerUnderTest.start()
        let adversary = try await Adversary(server)
        let socket = try await server.socket()
        for xid in 0..<100 as Range<UInt32> {
            var call = RPCCall(xid: xid, procedure: 0)
            call.messageType = 1
            do { try await socket.send(call.bytes) } catch ConnectionError.closed { break }
        }
        #expect(try await adversary.honestClientIsServed())
    }
}
