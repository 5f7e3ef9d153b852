import Glibc
import NFSProtocol
import NFSServer
import RPC

/// A session with the server in this process, over a TCP connection of its own. It waits for an answer for two seconds at most.
final class LoopbackSession {
    /// A name no other client has, of this machine or another. Who introduces itself by it again is the client of before, restarted.
    private static let owner = Array("readyz \(UInt64.random(in: 0...UInt64.max))".utf8)

    private let connection: Int32
    private var session: [UInt8] = []
    /// Of the one slot.
    private var sequence: UInt32 = 0
    /// What has come of an answer.
    private var received: [UInt8] = []
    /// Whether an answer is to come: what waits for a device is not asked for again.
    private var isWaiting = false

    /// - Throws: when there is no such server, or it does not answer as one.
    init(with address: PeerAddress) throws(DaemonError) {
        connection = try Self.connect(to: address)
        // From here on deinit closes it, also when this throws.
        let verifier = Part.words([.random(in: 0...UInt32.max), .random(in: 0...UInt32.max)])
        let introduction = try result(of: Self.operation(.exchangeID, verifier, .opaque(Self.owner), .words([0, 0, 0])))
        let channel = Part.words([0, 8192, 8192, 0, 16, 1, 0])
        let creation = Self.operation(
            .createSession, .fixed(Array(introduction.prefix(12))), .words([0]), channel, channel, .words([0, 1, 0]))
        session = Array(try result(of: creation).prefix(16))
    }

    deinit { close(connection) }

    /// Reads the directory at `pseudoPath`.
    /// - Returns: how that ends; nil when it does not in time. Who asks again then is told of the same.
    /// - Throws: when this session is of no use any more.
    func read(_ pseudoPath: String) throws(DaemonError) -> NFSStatus? {
        if !isWaiting {
            sequence &+= 1
            let path = pseudoPath.split(separator: "/").map { Self.operation(.lookup, .opaque(Array($0.utf8))) }
            try ask(
                [Self.operation(.sequence, .fixed(session), .words([sequence, 0, 0, 0])), Self.operation(.putrootfh)] + path
                    + [Self.operation(.readdir, .words([0, 0, 0, 0, 0, 4096, 0]))])
        }
        guard let reply = try reply() else { return nil }
        guard reply.first == .ok else { throw DaemonError("the server does not know its session: \(reply.first)") }
        return reply.status
    }

    /// What stands behind the status of an operation without a session.
    private func result(of operation: [UInt8]) throws(DaemonError) -> [UInt8] {
        try ask([operation])
        guard let reply = try reply() else { throw DaemonError("the server does not answer in time: see its log") }
        guard reply.status == .ok else { throw DaemonError("the server lets nobody in: \(reply.status): see its log") }
        return reply.result
    }

    // MARK: XDR

    private enum Part {
        case words([UInt32])
        case fixed([UInt8])
        case opaque([UInt8])

        var bytes: [UInt8] {
            switch self {
            case .words(let words): words.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
            case .fixed(let bytes): bytes
            case .opaque(let bytes):
                Part.words([UInt32(bytes.count)]).bytes + bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
            }
        }
    }

    private static func operation(_ code: OperationCode, _ parts: Part...) -> [UInt8] {
        Part.words([code.rawValue]).bytes + parts.flatMap(\.bytes)
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }

    private struct Reply {
        let status: NFSStatus
        /// The status of the first operation, and what stands behind it.
        let first: NFSStatus
        let result: [UInt8]
    }

    // MARK: TCP

    private static func connect(to address: PeerAddress) throws(DaemonError) -> Int32 {
        let isIPv4 = address.address.count == 4
        let connection = socket(isIPv4 ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard connection >= 0 else { throw failure("open a socket") }
        var limit = timeval(tv_sec: 2, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(connection, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        // Whoever listens on all addresses (all zero) is reached over the one of loopback, which Linux takes that for.
        var ipv4 = sockaddr_in()
        ipv4.sin_family = sa_family_t(AF_INET)
        ipv4.sin_port = address.port.bigEndian
        var ipv6 = sockaddr_in6()
        ipv6.sin6_family = sa_family_t(AF_INET6)
        ipv6.sin6_port = address.port.bigEndian
        let isConnected =
            if isIPv4 {
                withUnsafeMutablePointer(to: &ipv4) { socket in
                    withUnsafeMutableBytes(of: &socket.pointee.sin_addr) { $0.copyBytes(from: address.address) }
                    return socket.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        Glibc.connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                    }
                }
            } else {
                withUnsafeMutablePointer(to: &ipv6) { socket in
                    withUnsafeMutableBytes(of: &socket.pointee.sin6_addr) { $0.copyBytes(from: address.address) }
                    return socket.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        Glibc.connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
                    }
                }
            }
        guard isConnected else {
            let failure = failure("connect to \(address)")
            close(connection)
            throw failure
        }
        return connection
    }

    /// Sends a compound as the superuser of this machine.
    private func ask(_ operations: [[UInt8]]) throws(DaemonError) {
        let credential = Part.words([0]).bytes + Part.opaque(Array("readyz".utf8)).bytes + Part.words([0, 0, 0]).bytes
        let header =
            Part.words([1, 0, 2, NFSServer.program, NFSServer.version, 1, 1]).bytes + Part.opaque(credential).bytes
            + Part.words([0, 0, 0, 1, UInt32(operations.count)]).bytes
        let body = header + operations.joined()
        let record = Part.words([RecordMark.lastFragment | UInt32(body.count)]).bytes + body
        guard send(connection, record, record.count, Int32(MSG_NOSIGNAL)) == record.count else { throw Self.failure("send") }
        isWaiting = true
    }

    /// - Returns: nil when it does not come in time.
    private func reply() throws(DaemonError) -> Reply? {
        while true {
            if received.count >= RecordMark.length {
                let end = RecordMark.length + Int(Self.word(received, 0) & ~RecordMark.lastFragment)
                // The header of an accepted call has 24 bytes, then come the status, an empty tag and the number of results; a result
                // begins with the number and the status of its operation.
                guard (48...65536).contains(end) else { throw DaemonError("the server's answer makes no sense: see its log") }
                if received.count >= end {
                    let reply = Array(received[RecordMark.length..<end])
                    (received, isWaiting) = ([], false)
                    guard Self.word(reply, 20) == 0, let status = NFSStatus(rawValue: Self.word(reply, 24)),
                        let first = NFSStatus(rawValue: Self.word(reply, 40))
                    else { throw DaemonError("the server refuses a call: see its log") }
                    return Reply(status: status, first: first, result: Array(reply.dropFirst(44)))
                }
            }
            var bytes = [UInt8](repeating: 0, count: 1024)
            let count = recv(connection, &bytes, bytes.count, 0)
            if count < 0, errno == EAGAIN { return nil }
            guard count != 0 else { throw DaemonError("the server closed the connection: see its log") }
            guard count > 0 else { throw Self.failure("receive an answer") }
            received += bytes.prefix(count)
        }
    }

    private static func failure(_ action: String) -> DaemonError {
        DaemonError("the server cannot be asked: cannot \(action): \(String(cString: strerror(errno)))")
    }
}
