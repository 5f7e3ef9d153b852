import Dispatch
import Glibc
import Synchronization

/// A TCP connection over which calls go in both directions: several of the client may be under way, and those of the server are
/// answered by a `CallbackService` whenever they come. Its socket is closed when it is released.
package final class DuplexExchange: RPCExchange {
    private let socket: DuplexSocket

    init(descriptor: Int32, answering service: CallbackService) {
        socket = DuplexSocket(descriptor: descriptor, service: service)
        let socket = socket
        DispatchQueue(label: "DuplexExchange").async { socket.receiveUntilClosed() }
    }

    deinit { socket.shutDown() }

    package func exchange(_ call: [UInt8]) async throws -> [UInt8] { try await socket.exchange(call) }

    package func close() async { socket.shutDown() }
}

private final class DuplexSocket: Sendable {
    private typealias Continuation = CheckedContinuation<[UInt8], any Error>

    private struct State {
        var isClosed = false
        var awaited: [ArraySlice<UInt8>: Continuation] = [:]
    }

    private let descriptor: Int32
    private let service: CallbackService
    private let number: Int
    private let state = Mutex(State())
    private let sending = Mutex(())

    init(descriptor: Int32, service: CallbackService) {
        self.descriptor = descriptor
        self.service = service
        number = service.connection()
    }

    deinit { Glibc.close(descriptor) }

    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    func exchange(_ call: [UInt8]) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isClosed { state.awaited[call.prefix(4)] = continuation }
                return !state.isClosed
            }
            guard isOpen else { return continuation.resume(throwing: ConnectionError.closed) }
            // A failure ends the other direction as well, and with it the wait for the reply.
            send(call)
        }
    }

    private func send(_ message: [UInt8]) {
        var encoder = XDREncoder()
        encoder.uint32(0x8000_0000 | UInt32(message.count))
        encoder.raw(message)
        let bytes = encoder.bytes
        sending.withLock { _ in
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                sent += count
            }
        }
    }

    func receiveUntilClosed() {
        while let message = receive() {
            guard CallbackService.isCall(message) else {
                state.withLock { $0.awaited.removeValue(forKey: message.prefix(4)) }?.resume(returning: message)
                continue
            }
            switch try? service.receive(message, over: number) {
            case .replies(let replies): for reply in replies { send(reply) }
            case .nothing: break
            case .hangUp, nil: shutDown()
            }
        }
        let awaited = state.withLock { state in
            state.isClosed = true
            defer { state.awaited = [:] }
            return state.awaited.values
        }
        for continuation in awaited { continuation.resume(throwing: ConnectionError.closed) }
        shutDown()
    }

    private func receive() -> [UInt8]? {
        var message: [UInt8] = []
        while let mark = receive(count: 4) {
            let word = mark.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard let fragment = receive(count: Int(word & 0x7fff_ffff)) else { return nil }
            message += fragment
            if word & 0x8000_0000 != 0 { return message }
        }
        return nil
    }

    private func receive(count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + filled, count - filled, 0) }
            if got < 0, errno == EAGAIN || errno == EINTR {
                // The time limit of the socket: whoever waits for a reply has waited long enough.
                let awaited = state.withLock { state in
                    defer { state.awaited = [:] }
                    return state.awaited.values
                }
                for continuation in awaited { continuation.resume(throwing: ConnectionError.timedOut) }
                continue
            }
            guard got > 0 else { return nil }
            filled += got
        }
        return bytes
    }
}
