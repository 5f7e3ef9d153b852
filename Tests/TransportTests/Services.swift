import Dispatch
import Glibc
import Logging
import RPC
import Synchronization
import Testing
import Transport
import XDR

extension RPCConnection {
    /// Sends one record of these bytes.
    func send(_ bytes: [UInt8], from pool: BufferPool) {
        let buffer = pool.take(atLeast: RecordMark.length + bytes.count)
        bytes.withUnsafeBytes {
            (buffer.base + RecordMark.length).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(buffer.base), byteCount: $0.count)
        }
        send(buffer, count: RecordMark.length + bytes.count)
    }
}

extension Record {
    var copy: [UInt8] { bytes.withUnsafeBytes { Array($0) } }
}

/// Answers as a closure says, and counts the connections that ended.
final class TestService: RPCService {
    let pool: BufferPool
    private let answer: @Sendable (Record, any RPCConnection, BufferPool) -> Void
    private let state = Mutex((received: 0, takenOver: 0, closed: [] as [ObjectIdentifier]))

    init(pool: BufferPool, _ answer: @escaping @Sendable (Record, any RPCConnection, BufferPool) -> Void) {
        self.pool = pool
        self.answer = answer
    }

    func receive(_ record: Record, on connection: any RPCConnection) {
        state.withLock { $0.received += 1 }
        answer(record, connection, pool)
    }

    func takeOver(_ work: @escaping BriefWork) {
        state.withLock { $0.takenOver += 1 }
        nonisolated(unsafe) let work = work
        DispatchQueue.global().async { work()?() }
    }

    func closed(_ connection: any RPCConnection) { state.withLock { $0.closed.append(ObjectIdentifier(connection)) } }

    var received: Int { state.withLock { $0.received } }
    /// Pieces of work that stood behind one that waits.
    var takenOver: Int { state.withLock { $0.takenOver } }
    var closed: Int { state.withLock { $0.closed.count } }
    /// Whether a connection was reported closed more than once. For tests that keep their connections alive.
    var isClosedTwice: Bool { state.withLock { Set($0.closed).count != $0.closed.count } }
}

extension Transport.Configuration {
    static func with(_ change: (inout Self) -> Void = { _ in }) -> Self {
        var configuration = Self(loops: 2)
        change(&configuration)
        return configuration
    }
}

/// A transport on a loopback port of its own.
final class Server {
    let pool = BufferPool()
    let service: TestService
    let transport: Transport
    let address: PeerAddress

    init(
        listening: String = "127.0.0.1:0", _ configuration: Transport.Configuration = .with(),
        answer: @escaping @Sendable (Record, any RPCConnection, BufferPool) -> Void = { record, connection, pool in
            connection.send(record.copy, from: pool)
        }
    ) throws {
        var log = Logger(label: "transport-tests")
        log.logLevel = .critical
        service = TestService(pool: pool, answer)
        transport = try Transport(configuration: configuration, pool: pool, service: service, log: log)
        address = try transport.listen(on: PeerAddress(parsing: listening))
        try transport.run()
    }

    deinit { transport.drain(within: .zero) }
}

/// Waits for what other threads are about to do.
func eventually(_ what: String, _ condition: () -> Bool, location: SourceLocation = #_sourceLocation) {
    for _ in 0..<20_000 {
        if condition() { return }
        usleep(1000)
    }
    Issue.record("it did not come to this: \(what)", sourceLocation: location)
}
