import Foundation
import NFSProtocol
import NFSServer
import RPC

/// Whether clients are served: what a client on this machine finds that reads the root of an export over TCP, in a session of its own.
struct Readiness: Sendable {
    let address: PeerAddress
    /// Where an export is now.
    let pseudoPath: @Sendable () async -> String

    /// - Returns: nil when clients are served, or what is wrong. Where this machine is not admitted it is enough to be told so.
    func problem() async -> String? {
        let path = await pseudoPath()
        return await withCheckedContinuation { done in
            Thread.detachNewThread {
                do throws(DaemonError) {
                    try read(path)
                    done.resume(returning: nil)
                } catch {
                    done.resume(returning: error.description)
                }
            }
        }
    }

    private func read(_ pseudoPath: String) throws(DaemonError) {
        let connection = try connect()
        defer { close(connection) }
        // A name of its own each time: not a client that comes back.
        let owner = Array("readyz \(UUID().uuidString)".utf8)
        let zeros = [UInt8](repeating: 0, count: 8)
        let introduction = try call(connection, [Self.operation(.exchangeID, .fixed(zeros), .opaque(owner), .words([0, 0, 0]))])
        let client = Array(introduction.prefix(8))
        let channel = Part.words([0, 8192, 8192, 0, 16, 1, 0])
        let creation = Self.operation(
            .createSession, .fixed(Array(introduction.prefix(12))), .words([0]), channel, channel, .words([0, 1, 0]))
        let session = Array(try call(connection, [creation]).prefix(16))
        let path = pseudoPath.split(separator: "/").map { Self.operation(.lookup, .opaque(Array($0.utf8))) }
        let reading =
            [Self.operation(.sequence, .fixed(session), .words([1, 0, 0, 0])), Self.operation(.putrootfh)] + path
            + [Self.operation(.readdir, .words([0, 0, 0, 0, 0, 4096, 0]))]
        let outcome = Result { () throws(DaemonError) in try call(connection, reading, accepting: [.ok, .access, .wrongsec]) }
        _ = try call(connection, [Self.operation(.destroySession, .fixed(session))])
        _ = try call(connection, [Self.operation(.destroyClientid, .fixed(client))])
        _ = try outcome.get()
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

    // MARK: TCP

    private func connect() throws(DaemonError) -> Int32 {
        let isIPv4 = address.address.count == 4
        let connection = socket(isIPv4 ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard connection >= 0 else { throw Self.failure("open a socket") }
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
            let failure = Self.failure("connect to \(address)")
            close(connection)
            throw failure
        }
        return connection
    }

    /// Sends a compound as the superuser of this machine.
    /// - Returns: what stands behind the number and the status of the first result.
    private func call(
        _ connection: Int32, _ operations: [[UInt8]], accepting statuses: Set<NFSStatus> = [.ok]
    ) throws(DaemonError) -> [UInt8] {
        let credential = Part.words([0]).bytes + Part.opaque(Array("readyz".utf8)).bytes + Part.words([0, 0, 0]).bytes
        let header =
            Part.words([1, 0, 2, NFSServer.program, NFSServer.version, 1, 1]).bytes + Part.opaque(credential).bytes
            + Part.words([0, 0, 0, 1, UInt32(operations.count)]).bytes
        let body = header + operations.joined()
        let record = Part.words([RecordMark.lastFragment | UInt32(body.count)]).bytes + body
        guard send(connection, record, record.count, Int32(MSG_NOSIGNAL)) == record.count else { throw Self.failure("send") }
        let length = Self.word(try receive(connection, 4), 0) & ~RecordMark.lastFragment
        guard (44...65536).contains(length) else { throw DaemonError("the server's answer makes no sense: see its log") }
        let reply = try receive(connection, Int(length))
        // The header of an accepted call has 24 bytes, then come the status, an empty tag and the number of results.
        guard Self.word(reply, 20) == 0, let status = NFSStatus(rawValue: Self.word(reply, 24)), statuses.contains(status) else {
            throw DaemonError("the server answers with status \(Self.word(reply, 24)): see its log")
        }
        return Array(reply.dropFirst(44))
    }

    private func receive(_ connection: Int32, _ count: Int) throws(DaemonError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard recv(connection, &bytes, count, Int32(MSG_WAITALL)) == count else { throw Self.failure("receive an answer") }
        return bytes
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }

    private static func failure(_ action: String) -> DaemonError {
        DaemonError("the server cannot be asked: cannot \(action): \(String(cString: strerror(errno)))")
    }
}
