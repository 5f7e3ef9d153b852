import Glibc
import NFSTestClient

/// A TCP connection: calls one at a time while a run is prepared, then `LoadLoop` has its descriptor.
final class Socket: RPCExchange {
    let descriptor: Int32

    init(_ endpoint: Endpoint) throws {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var addresses: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(endpoint.host, String(endpoint.port), &hints, &addresses) == 0, let address = addresses?.pointee else {
            throw LoadFailure("'\(endpoint.host)' is not the name or address of a host")
        }
        defer { freeaddrinfo(addresses) }
        descriptor = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 else {
            let code = errno
            throw LoadFailure("nobody answers at \(endpoint.host):\(endpoint.port): \(String(cString: strerror(code)))")
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { Glibc.close(descriptor) }

    func exchange(_ call: [UInt8]) throws -> [UInt8] {
        var encoder = XDREncoder()
        encoder.uint32(UInt32(call.count) | 0x8000_0000)
        encoder.raw(call)
        try send(encoder.bytes)
        var reply = try receiveMessage()
        // The server may call a client; this one does not listen.
        while reply.count >= 8, reply[7] == 0 { reply = try receiveMessage() }
        return reply
    }

    /// Nothing: the descriptor is closed when nobody has this object.
    func close() {}

    private func receiveMessage() throws -> [UInt8] {
        var message: [UInt8] = []
        while true {
            let mark = try receive(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            message += try receive(Int(mark & 0x7fff_ffff))
            if mark >> 31 == 1 { return message }
        }
    }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw LoadFailure.connection("send", errno) }
            sent += count
        }
    }

    private func receive(_ count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let received = recv(descriptor, buffer.baseAddress! + filled, count - filled, 0)
                guard received > 0 else { throw LoadFailure.connection("receive", received == 0 ? ECONNRESET : errno) }
                filled += received
            }
        }
    }
}
