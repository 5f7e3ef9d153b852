import NFSServer
import NFSTestClient
import RPC
import XDR

/// A client's end of a connection to an engine in the same process. The engine receives on this actor, as it would on the
/// thread of a connection; several calls may be under way.
package actor InProcessExchange: RPCExchange {
    private let server: NFSServer
    private let connection: InProcessConnection
    private let pool: BufferPool

    init(_ server: NFSServer, _ connection: InProcessConnection, _ pool: BufferPool) {
        self.server = server
        self.connection = connection
        self.pool = pool
    }

    package func exchange(_ call: [UInt8]) async throws -> [UInt8] {
        let record = record(call)
        return try await withCheckedThrowingContinuation { continuation in
            guard connection.expect(replyTo: Array(call.prefix(4)), continuation) else {
                return continuation.resume(throwing: ConnectionError.closed)
            }
            connection.receiving { server.receive(record, on: connection) }
        }
    }

    /// Whether the last reply came of the thread that received the request, before that received anything else.
    package var wasAnsweredAtOnce: Bool { connection.wasSentByReceiver }

    /// Answers a call of the engine.
    func answer(_ call: [UInt8], by service: CallbackService, as number: Int) throws {
        switch try service.receive(call, over: number) {
        case .replies(let replies): for reply in replies { server.receive(record(reply), on: connection) }
        case .nothing: break
        case .hangUp: close()
        }
    }

    private func record(_ message: [UInt8]) -> Record {
        let buffer = pool.take(atLeast: message.count)
        message.withUnsafeBytes { bytes in
            if let address = bytes.baseAddress { buffer.base.copyMemory(from: address, byteCount: bytes.count) }
        }
        return Record(buffer: buffer, range: 0..<message.count)
    }

    package func close() {
        connection.close()
        server.closed(connection)
    }
}
