import Glibc

/// A TCP connection with the record marking of RFC 5531 §11.
///
/// Every call that waits has a time limit, so a server that goes silent fails a test and does not hang it.
/// Blocking calls run on the connection's own queue, not on the threads all tests share.
package actor SocketExchange: RPCExchange {
    private let executor = BlockingExecutor()
    private var descriptor: Int32

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameter timeout: seconds one send or receive may take.
    package init(host: String, port: UInt16, timeout: Int = 30) throws {
        descriptor = try Self.connected(host: host, port: port)
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    private static func connected(host: String, port: UInt16) throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var addresses: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &addresses) == 0, let address = addresses?.pointee else {
            throw ConnectionError.unknownAddress("\(host):\(port)")
        }
        defer { freeaddrinfo(addresses) }
        let descriptor = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw ConnectionError.failed(errno) }
        guard Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 else {
            defer { Glibc.close(descriptor) }
            throw ConnectionError.failed(errno)
        }
        return descriptor
    }

    package func exchange(_ call: [UInt8]) throws -> [UInt8] {
        try send(call)
        var message = try receive()
        // A client that does not listen to calls.
        while CallbackService.isCall(message) { message = try receive() }
        return message
    }

    package func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Goes on as a connection over which the server can call.
    package func duplex(answering service: CallbackService) -> DuplexExchange {
        defer { descriptor = -1 }
        return DuplexExchange(descriptor: descriptor, answering: service)
    }

    /// The socket, for somebody else's client. The caller closes it.
    package func release() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    /// Sends one message, cut into fragments of at most `fragmentSize` bytes.
    package func send(_ message: [UInt8], fragmentSize: Int = .max) throws {
        var encoder = XDREncoder()
        var rest = message[...]
        repeat {
            let fragment = rest.prefix(fragmentSize)
            rest = rest.dropFirst(fragment.count)
            encoder.uint32(UInt32(fragment.count) | (rest.isEmpty ? 0x8000_0000 : 0))
            encoder.raw(Array(fragment))
        } while !rest.isEmpty
        try sendRaw(encoder.bytes)
    }

    /// Sends bytes as they are.
    package func sendRaw(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Self.error() }
            sent += count
        }
    }

    /// Receives one message, put together from its fragments.
    package func receive() throws -> [UInt8] {
        var message: [UInt8] = []
        while true {
            var mark = XDRDecoder(try receive(count: 4))
            let word = try mark.uint32()
            let length = Int(word & 0x7fff_ffff)
            guard message.count + length <= 1 << 24 else { throw ProtocolViolation("a reply of more than 16 MiB") }
            message += try receive(count: length)
            if word & 0x8000_0000 != 0 { return message }
        }
    }

    /// True when the server closes (or resets) the connection before it sends anything.
    package func isClosedByServer() throws -> Bool {
        do {
            _ = try receive(count: 1)
            return false
        } catch ConnectionError.closed {
            return true
        }
    }

    /// Tells the server that nothing more will be sent, and still receives.
    package func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    private func receive(count: Int) throws -> [UInt8] {
        try Array(unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = recv(descriptor, buffer.baseAddress! + filled, count - filled, 0)
                if got == 0 { throw ConnectionError.closed }
                guard got > 0 else { throw Self.error() }
                filled += got
            }
        }
    }

    private static func error() -> ConnectionError {
        switch errno {
        case EAGAIN: .timedOut
        case ECONNRESET, EPIPE: .closed
        case let code: .failed(code)
        }
    }
}

package enum ConnectionError: Error, Equatable, CustomStringConvertible {
    case closed
    case timedOut
    case unknownAddress(String)
    case failed(Int32)

    package var description: String {
        switch self {
        case .closed: "the server closed the connection"
        case .timedOut: "the server did not answer in time"
        case .unknownAddress(let address): "\(address) is not an address"
        case .failed(let code): "connection failed: \(String(cString: strerror(code)))"
        }
    }
}
