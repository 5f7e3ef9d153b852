import Dispatch
import Glibc
import Logging
import RPC
import Synchronization
import Testing
import Transport
import XDR

@Suite struct LifetimeTests {
    @Test func drainingWaitsForAnswersAndLosesNone() throws {
        let kept = Mutex<[(Record, any RPCConnection)]>([])
        // One loop, so that what one client sees of the drain holds for the other too.
        let server = try Server(.with { $0.loops = 1 }) { record, connection, _ in
            kept.withLock { $0.append((record, connection)) }
        }
        let client = try Client(server.address)
        let idle = try Client(server.address)
        for number in UInt8(0)..<50 { try client.send(framed([number])) }
        eventually("all are received") { server.service.received == 50 }

        let drained = DispatchSemaphore(value: 0)
        let transport = server.transport
        DispatchQueue.global().async {
            transport.drain(within: .seconds(20))
            drained.signal()
        }
        // The idle client has nothing to wait for.
        #expect(try idle.receiveRecord() == nil)
        #expect(throws: ClientError.self) { _ = try Client(server.address) }
        // What comes now is for the next server.
        try client.send(framed([99]))
        for (record, connection) in kept.withLock({ $0 }) { connection.send(record.copy, from: server.pool) }
        for number in UInt8(0)..<50 { #expect(try client.receiveRecord() == [number]) }
        #expect(try client.receiveRecord() == nil)
        client.finishSending()
        idle.finishSending()
        #expect(drained.wait(timeout: .now() + 20) == .success)
        #expect(server.service.received == 50)
        #expect(server.service.closed == 2 && !server.service.isClosedTwice)
    }

    @Test(arguments: [true, false]) func aConnectionThatEndsDoesNotWaitForWhatGetsNoAnswer(isSaidOnTheLoop: Bool) throws {
        let kept = Mutex<[any RPCConnection]>([])
        let server = try Server { _, connection, _ in
            if isSaidOnTheLoop { connection.leaveUnanswered() } else { kept.withLock { $0.append(connection) } }
        }
        let client = try Client(server.address)
        try client.send(framed([1]) + framed([2]))
        eventually("they are received") { server.service.received == 2 }
        for connection in kept.withLock({ $0 }) { connection.leaveUnanswered() }
        client.finishSending()
        #expect(try client.receiveRecord() == nil)
    }

    @Test func drainingSendsWhatIsQueuedToASlowReader() throws {
        let reply = [UInt8](repeating: 5, count: 1 << 20)
        let server = try Server(.with { $0.highWater = 1 << 30 }) { _, connection, pool in connection.send(reply, from: pool) }
        let client = try Client(server.address)
        for _ in 0..<16 { try client.send(framed([1])) }
        eventually("all are received") { server.service.received == 16 }
        #expect(server.pool.lentBytes > 1 << 20)
        let transport = server.transport
        let drained = DispatchSemaphore(value: 0)
        DispatchQueue.global().async {
            transport.drain(within: .seconds(20))
            drained.signal()
        }
        for _ in 0..<16 { #expect(try client.receiveRecord() == reply) }
        #expect(try client.receiveRecord() == nil)
        client.finishSending()
        #expect(drained.wait(timeout: .now() + 20) == .success)
    }

    @Test func drainingEndsAtItsDeadline() throws {
        let kept = Mutex<[any RPCConnection]>([])
        let server = try Server { _, connection, _ in kept.withLock { $0.append(connection) } }
        let client = try Client(server.address)
        try client.send(framed([1]))
        eventually("it is received") { server.service.received == 1 }
        server.transport.drain(within: .milliseconds(50))
        #expect(server.service.closed == 1)
        #expect(try client.receiveRecord() == nil)
        // A late answer finds nobody, and its buffer goes home.
        kept.withLock { $0 }.forEach { $0.send([1], from: server.pool) }
        #expect(server.pool.lentBytes == 0)
    }

    @Test func stoppingToAcceptLeavesConnectionsAlone() throws {
        let server = try Server()
        let client = try Client(server.address)
        try client.send(framed([1]))
        #expect(try client.receiveRecord() == [1])
        server.transport.stopAccepting()
        eventually("nobody is let in") { (try? Client(server.address)) == nil }
        try client.send(framed([2]))
        #expect(try client.receiveRecord() == [2])
    }

    @Test func whatIsSentBeforeCloseArrivesAndWhatIsSentAfterTheEndDoesNot() throws {
        let connections = Mutex<[any RPCConnection]>([])
        let server = try Server { record, connection, pool in
            connections.withLock { $0.append(connection) }
            connection.send(record.copy, from: pool)
            connection.close()
        }
        let client = try Client(server.address)
        // The bytes behind the first request must not cost the client its answer.
        try client.send(framed([1]) + framed([2]))
        #expect(try client.receiveRecord() == [1])
        #expect(try client.receiveRecord() == nil)
        client.finishSending()
        eventually("the connection is closed") { server.service.closed == 1 }
        #expect(server.service.received == 1)
        for connection in connections.withLock({ $0 }) {
            connection.send([3], from: server.pool)
            connection.close()
        }
        eventually("the buffer is home") { server.pool.lentBytes == 0 }
        #expect(server.service.closed == 1)
    }

    @Test func aResetConnectionIsClosedOnce() throws {
        let kept = Mutex<[any RPCConnection]>([])
        let server = try Server { _, connection, _ in kept.withLock { $0.append(connection) } }
        do {
            let client = try Client(server.address)
            try client.send(framed([1]))
            eventually("it is received") { server.service.received == 1 }
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(client.socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        }
        eventually("it is closed") { server.service.closed == 1 }
        kept.withLock { $0 }.forEach { $0.send([1], from: server.pool) }
        server.transport.drain(within: .seconds(5))
        #expect(server.service.closed == 1)
        #expect(server.pool.lentBytes == 0)
    }

    @Test func theAttachmentStaysWithItsConnection() throws {
        final class Counter: Sendable {
            let value = Atomic<UInt8>(0)
        }
        let server = try Server { _, connection, pool in
            let counter = connection.attachment as? Counter ?? Counter()
            connection.attachment = counter
            connection.send([counter.value.add(1, ordering: .relaxed).newValue], from: pool)
        }
        let clients = try (0..<3).map { _ in try Client(server.address) }
        for number in UInt8(1)...3 {
            for client in clients {
                try client.send(framed([]))
                #expect(try client.receiveRecord() == [number])
            }
        }
    }

    @Test func aTransportThatNeverRanLetsItsPortGo() throws {
        let pool = BufferPool()
        let service = TestService(pool: pool) { _, _, _ in }
        let log = Logger(label: "transport-tests")
        let first = try Transport(configuration: .init(loops: 1), pool: pool, service: service, log: log)
        let address = try first.listen(on: PeerAddress(parsing: "127.0.0.1:0"))
        first.drain(within: .zero)
        let second = try Transport(configuration: .init(loops: 1), pool: pool, service: service, log: log)
        #expect(try second.listen(on: address) == address)
        second.drain(within: .zero)
    }
}

@Suite struct ListeningTests {
    @Test func severalAddressesAreServed() throws {
        let server = try Server()
        let other = try server.transport.listen(on: PeerAddress(parsing: "[::]:0"))
        for address in [server.address, other, PeerAddress(address: [127, 0, 0, 1], port: other.port)] {
            let client = try Client(address)
            try client.send(framed([1]))
            #expect(try client.receiveRecord() == [1])
        }
    }

    @Test func bothFamiliesCanShareAPort() throws {
        let server = try Server(listening: "0.0.0.0:0")
        try server.transport.listen(on: PeerAddress(parsing: "[::]:\(server.address.port)"))
        let client = try Client(PeerAddress(parsing: "[::1]:\(server.address.port)"))
        try client.send(framed([1]))
        #expect(try client.receiveRecord() == [1])
    }

    @Test func thePeerOfAMappedAddressIsIPv4() throws {
        let peers = Mutex<[PeerAddress]>([])
        let server = try Server(listening: "[::]:0") { record, connection, pool in
            peers.withLock { $0.append(connection.peer) }
            connection.send(record.copy, from: pool)
        }
        for address in ["127.0.0.1", "[::1]"] {
            let client = try Client(PeerAddress(parsing: "\(address):\(server.address.port)"))
            try client.send(framed([1]))
            #expect(try client.receiveRecord() == [1])
        }
        #expect(peers.withLock { $0.map(\.address) } == [[127, 0, 0, 1], [UInt8](repeating: 0, count: 15) + [1]])
    }

    @Test func aPortInUseIsSaidSo() throws {
        let server = try Server()
        let error = #expect(throws: TransportError.self) { try server.transport.listen(on: server.address) }
        #expect(error?.description.contains("port \(server.address.port) is in use") == true)
    }

    @Test func aForeignAddressIsSaidSo() throws {
        let server = try Server()
        let error = #expect(throws: TransportError.self) {
            try server.transport.listen(on: PeerAddress(parsing: "192.0.2.1:0"))
        }
        #expect(error?.description.contains("does not have the address") == true)
    }

    @Test(arguments: ["", "2049", "localhost:2049", "1.2.3:1", "1.2.3.4", "1.2.3.4:65536", "::1:2049", "[::1]", "[1.2.3.4]:1", "[::1:2049"])
    func malformedAddressesAreRefused(text: String) {
        #expect(throws: TransportError.self) { try PeerAddress(parsing: text) }
    }

    @Test(arguments: ["0.0.0.0:2049", "10.1.2.3:0"])
    func addressesAreReadAsTheyAreWritten(text: String) throws {
        #expect(try PeerAddress(parsing: text).description == text)
    }
}
