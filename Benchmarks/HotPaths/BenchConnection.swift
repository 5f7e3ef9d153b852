import Dispatch
import NFSServer
import NFSTestClient
import RPC
import XDR

/// The engine's end of a connection: keeps the status of the last reply, and the whole reply when it is to.
final class BenchConnection: RPCConnection, @unchecked Sendable {
    let peer = PeerAddress(address: [127, 0, 0, 1], port: 1023)
    /// Touched by the one thread that receives.
    var attachment: (any AnyObject & Sendable)?
    /// Written by whoever sends, before it signals `replies`.
    private var lastStatus: UInt32 = 0
    private var lastReply: [UInt8] = []
    /// Whether whole replies are kept, which preparing takes.
    var keepsReplies = true
    private let replies = DispatchSemaphore(value: 0)
    private let pool: BufferPool

    init(pool: BufferPool) { self.pool = pool }

    func send(_ buffer: consuming RecordBuffer, count: Int) {
        // Behind the mark: xid, type, reply_stat, an empty verifier, accept_stat; then COMPOUND4res.
        lastStatus = UInt32(bigEndian: buffer.base.loadUnaligned(fromByteOffset: RecordMark.length + 24, as: UInt32.self))
        if keepsReplies {
            lastReply = buffer.bytes(RecordMark.length..<count).withUnsafeBytes { [UInt8]($0) }
        }
        pool.give(back: buffer)
        replies.signal()
    }

    func close() {}

    func undertake(_ work: @escaping BriefWork) -> Bool { false }

    /// The status of the next reply, which may come from another thread.
    func status() -> UInt32 {
        replies.wait()
        return lastStatus
    }

    func reply() -> [UInt8] {
        _ = status()
        return lastReply
    }
}

/// The client's end, for preparing.
final class BenchExchange: RPCExchange {
    private let server: NFSServer
    private let connection: BenchConnection
    private let pool: BufferPool

    init(_ server: NFSServer, _ connection: BenchConnection, _ pool: BufferPool) {
        self.server = server
        self.connection = connection
        self.pool = pool
    }

    func exchange(_ call: [UInt8]) -> [UInt8] {
        let buffer = pool.take(atLeast: call.count)
        call.withUnsafeBytes { buffer.base.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        server.receive(Record(buffer: buffer, range: 0..<call.count), on: connection)
        return connection.reply()
    }

    func close() {}
}
