import CLinux
import Glibc
import RPC
import Transport

/// The bytes of one record: `fragments` are the sizes of all fragments but the last.
func framed(_ record: [UInt8], fragments: [Int] = []) -> [UInt8] {
    var stream: [UInt8] = []
    var rest = record[...]
    for size in fragments where size <= rest.count {
        stream += mark(size, isLast: false) + rest.prefix(size)
        rest = rest.dropFirst(size)
    }
    return stream + mark(rest.count, isLast: true) + rest
}

private func mark(_ length: Int, isLast: Bool) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: (length | (isLast ? 0x8000_0000 : 0)) >> $0) }
}

struct ClientError: Error, CustomStringConvertible {
    let description: String
}

/// A blocking TCP client; whatever takes 20 seconds fails.
final class Client {
    let socket: Int32

    init(_ address: PeerAddress, receiveBuffer: Int32? = nil) throws {
        var target = address.target
        socket = clinux_connect(&target)
        guard socket >= 0 else { throw ClientError(description: "cannot connect: errno \(-socket)") }
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if var receiveBuffer { setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
    }

    deinit { Glibc.close(socket) }

    func send(_ bytes: [UInt8]) throws {
        var position = 0
        while position < bytes.count {
            let sent = bytes[position...].withUnsafeBytes { part in
                var vector = iovec(iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress), iov_len: part.count)
                return clinux_send(socket, &vector, 1)
            }
            guard sent > 0 else { throw ClientError(description: "cannot send: errno \(-sent)") }
            position += sent
        }
    }

    func finishSending() { clinux_shutdown_output(socket) }

    /// Sends what the socket takes at once, waiting at most `milliseconds` for room, and returns how much that was.
    func sendSome(_ bytes: [UInt8], milliseconds: Int32) -> Int {
        var request = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        guard poll(&request, 1, milliseconds) == 1 else { return 0 }
        return bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
    }

    /// How many bytes the first receive that yields any yields.
    func receiveSome(_ most: Int) throws -> Int {
        var bytes = [UInt8](repeating: 0, count: most)
        let received = bytes.withUnsafeMutableBytes { clinux_receive(socket, $0.baseAddress, most) }
        guard received >= 0 else { throw ClientError(description: "nothing came: errno \(-received)") }
        return received
    }

    /// Nil at the end of the stream, which a reset is too.
    private func receive(_ count: Int) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var position = 0
        while position < count {
            let received = bytes.withUnsafeMutableBytes { clinux_receive(socket, $0.baseAddress.map { $0 + position }, count - position) }
            if received == 0 || received == -Int(ECONNRESET) { return nil }
            guard received > 0 else { throw ClientError(description: "nothing came: errno \(-received)") }
            position += received
        }
        return bytes
    }

    /// The next record, nil at the end of the stream.
    func receiveRecord() throws -> [UInt8]? {
        guard let mark = try receive(4) else { return nil }
        let word = mark.reduce(0) { $0 << 8 | UInt32($1) }
        guard word & 0x8000_0000 != 0 else { throw ClientError(description: "a reply in fragments") }
        return try receive(Int(word & 0x7fff_ffff))
    }
}

extension PeerAddress {
    /// Where to connect to for a listening address.
    fileprivate var target: clinux_address {
        var result = clinux_address()
        result.length = UInt8(address.count)
        result.port = port
        let bytes =
            address.allSatisfy { $0 == 0 } ? (address.count == 4 ? [127, 0, 0, 1] : [UInt8](repeating: 0, count: 15) + [1]) : address
        withUnsafeMutableBytes(of: &result.bytes) { $0.copyBytes(from: bytes) }
        return result
    }
}
