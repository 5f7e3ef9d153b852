import Dispatch
import Glibc
import RPC
import Synchronization
import Testing
import Transport
import XDR

@Suite struct LimitTests {
    /// A client that sends and never reads is not read any more, and gets everything once it reads.
    @Test func aClientThatDoesNotReadIsNotRead() throws {
        let reply = [UInt8](repeating: 5, count: 16 * 1024)
        let server = try Server(.with { ($0.highWater, $0.lowWater) = (256 * 1024, 64 * 1024) }) { _, connection, pool in
            connection.send(reply, from: pool)
        }
        let client = try Client(server.address, receiveBuffer: 64 * 1024)
        let request = framed([UInt8](repeating: 1, count: 4092))
        let batch = (0..<16).flatMap { _ in request }
        var sent = 0
        while true {
            let count = client.sendSome(Array(batch[(sent % batch.count)...]), milliseconds: 300)
            guard count > 0 else { break }
            sent += count
            #expect(server.pool.lentBytes < 1024 * 1024)
        }
        // What the kernel took of the replies is out of our hands; what we hold is bounded.
        let stopped = server.service.received
        #expect(stopped < sent / request.count)
        #expect(server.pool.lentBytes < 1024 * 1024)
        for _ in 0..<(sent / request.count) { #expect(try client.receiveRecord() == reply) }
        #expect(server.service.received == sent / request.count)
    }

    @Test func aClientThatNeverReadsLosesItsConnection() throws {
        let reply = [UInt8](repeating: 5, count: 1 << 20)
        let server = try Server(.with { $0.sendTimeout = .milliseconds(100) }) { _, connection, pool in
            connection.send(reply, from: pool)
        }
        let client = try Client(server.address, receiveBuffer: 4096)
        for _ in 0..<16 { try client.send(framed([1])) }
        eventually("the connection is closed") { server.service.closed == 1 }
        eventually("its replies are forgotten") { server.pool.lentBytes == 0 }
        withExtendedLifetime(client) {}
    }

    @Test func aClientThatStopsWithinARequestLosesItsConnection() throws {
        let server = try Server(.with { $0.receiveTimeout = .milliseconds(100) })
        let client = try Client(server.address)
        let idle = try Client(server.address)
        try client.send([0x80, 0, 0, 8, 1])
        #expect(try client.receiveRecord() == nil)
        // Between requests a client may be silent for as long as it likes.
        try idle.send(framed([1]))
        #expect(try idle.receiveRecord() == [1])
    }

    @Test func aRecordAboveTheMaximumEndsTheConnection() throws {
        let server = try Server(.with { $0.maximumRecord = 10_000 })
        let good = try Client(server.address)
        let bad = try Client(server.address)
        let longest = [UInt8](repeating: 1, count: 10_000)
        try bad.send(framed(longest))
        #expect(try bad.receiveRecord() == longest)
        try bad.send(framed([1]) + [0x80, 0, 0x27, 0x11])
        #expect(try bad.receiveRecord() == [1])
        #expect(try bad.receiveRecord() == nil)
        try good.send(framed([2]))
        #expect(try good.receiveRecord() == [2])
    }

    @Test func randomStreamsEndAtWorstTheirConnection() throws {
        let server = try Server(.with { ($0.maximumRecord, $0.receiveTimeout) = (4096, .seconds(5)) })
        var random = SeededGenerator(seed: 10)
        for _ in 0..<300 {
            let client = try Client(server.address)
            var bytes = random.bytes(Int.random(in: 1...600, using: &random))
            if Bool.random(using: &random) { bytes.replaceSubrange(0..<min(3, bytes.count), with: [0x80, 0, 0]) }
            try? client.send(bytes)
        }
        let honest = try Client(server.address)
        try honest.send(framed([1]))
        #expect(try honest.receiveRecord() == [1])
        eventually("only the honest client is left") { server.service.closed == 300 }
        eventually("nothing is held") { server.pool.lentBytes == 0 }
    }

    @Test func connectionsAboveTheLimitAreRefused() throws {
        let server = try Server(.with { $0.maximumConnections = 2 })
        var clients = try (0..<2).map { _ in try Client(server.address) }
        for client in clients {
            try client.send(framed([1]))
            #expect(try client.receiveRecord() == [1])
        }
        let refused = try Client(server.address)
        #expect(try refused.receiveRecord() == nil)
        clients.removeLast()
        eventually("the place is free") { server.service.closed == 1 }
        let next = try Client(server.address)
        try next.send(framed([2]))
        #expect(try next.receiveRecord() == [2])
    }

    /// While the service holds as much memory as there may be, requests wait in the kernel.
    @Test func requestsWaitWhileMemoryIsShort() throws {
        let kept = Mutex<[(Record, any RPCConnection)]>([])
        let server = try Server(.with { $0.memoryLimit = 64 * 1024 }) { record, connection, _ in
            kept.withLock { $0.append((record, connection)) }
        }
        let greedy = try Client(server.address)
        for size in [UInt8](repeating: 0, count: 30) { try greedy.send(framed([UInt8](repeating: size, count: 6000))) }
        eventually("the limit is reached") { server.pool.lentBytes >= 64 * 1024 }
        let other = try Client(server.address)
        try other.send(framed([42]))
        #expect(server.service.received < 30)
        #expect(server.pool.lentBytes <= 64 * 1024 + 128 * 1024)
        // From now on everything is answered, what is kept first.
        var answered = 0
        eventually("all are answered") {
            let due = kept.withLock { kept in
                defer { kept = [] }
                return kept
            }
            for (record, connection) in due { connection.send([record.copy[0]], from: server.pool) }
            answered += due.count
            return answered == 31
        }
        for _ in 0..<30 { #expect(try greedy.receiveRecord() == [0]) }
        #expect(try other.receiveRecord() == [42])
    }
}
