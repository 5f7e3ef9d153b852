import Dispatch
import Glibc
import RPC
import Synchronization
import Testing
import Transport
import XDR

@Suite struct EchoTests {
    @Test(arguments: ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"])
    func aRecordComesBack(listening: String) throws {
        let server = try Server(listening: listening)
        let client = try Client(server.address)
        try client.send(framed([1, 2, 3]))
        #expect(try client.receiveRecord() == [1, 2, 3])
    }

    @Test func manyRequestsInOneSegmentAreAnsweredInOrder() throws {
        let server = try Server()
        let client = try Client(server.address)
        let records = (0..<1000).map { [UInt8](repeating: UInt8($0 & 255), count: $0 % 97) }
        try client.send(records.flatMap { framed($0) })
        for record in records { #expect(try client.receiveRecord() == record) }
    }

    /// What is read at once is answered at once: the first thing the client can read is everything.
    @Test func repliesToOneReadLeaveInOneWrite() throws {
        let server = try Server()
        let client = try Client(server.address)
        for round in 0..<20 {
            let request = framed([UInt8](repeating: UInt8(round), count: 60))
            try client.send((0..<100).flatMap { _ in request })
            #expect(try client.receiveSome(1 << 16) == 6400)
        }
    }

    @Test func bytesMayComeOneByOne() throws {
        let server = try Server()
        let client = try Client(server.address)
        for byte in framed([1, 2, 3, 4, 5], fragments: [2, 0]) + framed([6]) { try client.send([byte]) }
        #expect(try client.receiveRecord() == [1, 2, 3, 4, 5])
        #expect(try client.receiveRecord() == [6])
    }

    @Test func largeRecordsInManyFragmentsComeBack() throws {
        let server = try Server()
        let client = try Client(server.address)
        var random = SeededGenerator(seed: 7)
        for fragments in [[], [Int](repeating: 8192, count: 127), [1, 1_000_000], [Int](repeating: 1100, count: 900)] {
            let record = random.bytes(1 << 20)
            try client.send(framed(record, fragments: fragments))
            #expect(try client.receiveRecord() == record)
        }
    }

    @Test func thousandsOfIdleConnectionsHoldNoBuffer() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 16_384)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let server = try Server()
        // Both ends are in this process, and other tests run beside this one.
        let count = min(2000, (Int(limit.rlim_cur) - 600) / 2)
        try #require(count >= 200, "the limit of open files is too low: \(limit.rlim_cur)")
        let clients = try (0..<count).map { _ in try Client(server.address) }
        for client in clients { try client.send(framed([7])) }
        for client in clients { #expect(try client.receiveRecord() == [7]) }
        eventually("no connection holds a buffer") { server.pool.lentBytes == 0 }
        withExtendedLifetime(clients) { #expect(server.service.closed == 0) }
    }

    @Test func aHalfClosedConnectionGetsItsAnswers() throws {
        let server = try Server()
        let client = try Client(server.address)
        try client.send(framed([1]) + framed([2]) + [0x80, 0, 0, 9, 1])
        client.finishSending()
        #expect(try client.receiveRecord() == [1])
        #expect(try client.receiveRecord() == [2])
        #expect(try client.receiveRecord() == nil)
        eventually("the connection is reported closed") { server.service.closed == 1 }
    }

    @Test func aHalfClosedConnectionWaitsForAnswersOfOtherThreads() throws {
        let gate = DispatchSemaphore(value: 0)
        let server = try Server { record, connection, pool in
            DispatchQueue.global().async {
                gate.wait()
                connection.send(record.copy, from: pool)
            }
        }
        let client = try Client(server.address)
        try client.send(framed([1]) + framed([2]))
        client.finishSending()
        eventually("both are received") { server.service.received == 2 }
        #expect(server.service.closed == 0)
        gate.signal()
        gate.signal()
        #expect(Set([try client.receiveRecord(), try client.receiveRecord()]) == [[1], [2]])
        #expect(try client.receiveRecord() == nil)
    }
}

/// Requests that are kept and answered later from other threads, out of order, while their connection goes on.
@Suite struct KeptRecordTests {
    private struct Request {
        let record: Record
        let connection: any RPCConnection
        /// The record as it was when it came.
        let original: [UInt8]

        var isIntact: Bool {
            record.bytes.withUnsafeBytes { bytes in
                bytes.count == original.count && memcmp(bytes.baseAddress!, original, bytes.count) == 0
            }
        }
    }

    @Test(arguments: [UInt64(8), 9])
    func keptRecordsStayAsTheyCame(seed: UInt64) throws {
        let kept = Mutex((requests: [] as [Request], random: SeededGenerator(seed: seed)))
        let damaged = Mutex(0)
        let answer: @Sendable (Request, BufferPool) -> Void = { request, pool in
            if !request.isIntact { damaged.withLock { $0 += 1 } }
            request.connection.send(request.record.copy, from: pool)
        }
        let server = try Server { record, connection, pool in
            let request = Request(record: record, connection: connection, original: record.copy)
            let due = kept.withLock { kept in
                kept.requests.append(request)
                var due: [Request] = []
                while kept.requests.count > 24 || (!kept.requests.isEmpty && Bool.random(using: &kept.random)) {
                    due.append(kept.requests.remove(at: Int.random(in: 0..<kept.requests.count, using: &kept.random)))
                }
                return due
            }
            for (index, request) in due.enumerated() {
                if index % 2 == 0 { DispatchQueue.global().async { answer(request, pool) } } else { answer(request, pool) }
            }
        }
        var random = SeededGenerator(seed: seed + 100)
        let clients = try (0..<4).map { _ in try Client(server.address) }
        var expected = [[[UInt8]: Int]](repeating: [:], count: clients.count)
        for round in 0..<120 {
            let index = round % clients.count
            let size = [20, 500, 5_000, 70_000].randomElement(using: &random)!
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let record = random.bytes(Int.random(in: 1...size, using: &random))
                expected[index][record, default: 0] += 1
                stream += framed(record, fragments: Bool.random(using: &random) ? [] : [size / 3, 1])
            }
            try clients[index].send(stream)
        }
        let total = expected.reduce(0) { $0 + $1.values.reduce(0, +) }
        eventually("all are received") { server.service.received == total }
        // Nobody comes any more to push out the rest.
        let rest = kept.withLock { kept in
            defer { kept.requests = [] }
            return kept.requests
        }
        rest.forEach { answer($0, server.pool) }
        for (client, expected) in zip(clients, expected) {
            var answers: [[UInt8]: Int] = [:]
            for _ in 0..<expected.values.reduce(0, +) { answers[try #require(try client.receiveRecord()), default: 0] += 1 }
            #expect(answers == expected)
        }
        #expect(damaged.withLock { $0 } == 0)
    }
}
