import Glibc
import NFSProtocol
import NFSServer
import RPC
import XDR

/// A session with the server in this process, over a TCP connection of its own. It waits for an answer for two seconds at most.
final class LoopbackSession {
    /// A name no other client has, of this machine or another. Who introduces itself by it again is the client of before, restarted.
    private static let owner = Array("readyz \(UInt64.random(in: 0...UInt64.max))".utf8)

    private let connection: Int32
    private let pool = BufferPool(limit: 8192)
    /// Set once, when the server has answered.
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
        let introduction = try result { call in
            call.uint32(OperationCode.exchangeID.rawValue)
            call.uint64(.random(in: 0...UInt64.max))  // the verifier: started now
            call.opaque(Self.owner)
            for word: UInt32 in [0, 0, 0] { call.uint32(word) }  // no flags, SP4_NONE, no implementation
        }
        let client = Array(introduction.prefix(12))  // its ID and the sequence ID
        let creation = try result { call in
            call.uint32(OperationCode.createSession.rawValue)
            call.fixedOpaque(client.span.bytes)
            call.uint32(0)  // no flags
            // Of both channels: no padding, the longest request, reply and kept reply, operations, slots, no RDMA.
            for word: UInt32 in [0, 8192, 8192, 0, 16, 1, 0, 0, 8192, 8192, 0, 16, 1, 0] { call.uint32(word) }
            for word: UInt32 in [0, 1, 0] { call.uint32(word) }  // no program that is called back, AUTH_NONE
        }
        session = Array(creation.prefix(16))
    }

    deinit { close(connection) }

    /// Reads the directory at `pseudoPath`.
    /// - Returns: how that ends; nil when it does not in time. Who asks again then is told of the same.
    /// - Throws: when this session is of no use any more.
    func read(_ pseudoPath: String) throws(DaemonError) -> NFSStatus? {
        if !isWaiting {
            sequence &+= 1
            let names = pseudoPath.split(separator: "/")
            try ask(operations: 3 + names.count) { call in
                call.uint32(OperationCode.sequence.rawValue)
                call.fixedOpaque(session.span.bytes)
                for word in [sequence, 0, 0, 0] { call.uint32(word) }  // slot 0 of 0, nothing to keep
                call.uint32(OperationCode.putrootfh.rawValue)
                for name in names {
                    call.uint32(OperationCode.lookup.rawValue)
                    call.opaque(Array(name.utf8))
                }
                call.uint32(OperationCode.readdir.rawValue)
                for word: UInt32 in [0, 0, 0, 0, 0, 4096, 0] { call.uint32(word) }  // from the start, 4 KiB, no attributes
            }
        }
        guard let reply = try reply() else { return nil }
        guard reply.first == .ok else { throw DaemonError("the server does not know its session: \(reply.first)") }
        return reply.status
    }

    /// What stands behind the status of an operation without a session.
    private func result(of operation: (inout XDRWriter) -> Void) throws(DaemonError) -> [UInt8] {
        try ask(operations: 1, operation)
        guard let reply = try reply() else { throw DaemonError("the server does not answer in time: see its log") }
        guard reply.status == .ok else { throw DaemonError("the server lets nobody in: \(reply.status): see its log") }
        return reply.result
    }

    // MARK: Compounds

    private struct Reply {
        let status: NFSStatus
        /// The status of the first operation, and what stands behind it.
        let first: NFSStatus
        let result: [UInt8]

        /// - Throws: also when the call was not accepted.
        init(from record: RawSpan) throws(XDRError) {
            var reader = XDRReader(record)
            guard try RPCReply.decode(from: &reader).reply == .success else { throw .invalid }
            status = try Self.status(from: &reader)
            _ = try reader.opaque(maximum: 0)  // the tag
            for _ in ["number of results", "first operation"] { _ = try reader.uint32() }
            first = try Self.status(from: &reader)
            result = try reader.fixedOpaque(reader.remaining).withUnsafeBytes { Array($0) }
        }

        private static func status(from reader: inout XDRReader) throws(XDRError) -> NFSStatus {
            guard let status = NFSStatus(rawValue: try reader.uint32()) else { throw .invalid }
            return status
        }
    }

    /// Sends a compound as the superuser of this machine.
    private func ask(operations: Int, _ write: (inout XDRWriter) -> Void) throws(DaemonError) {
        var call = XDRWriter(pool: pool, startingAt: RecordMark.length, limit: 8192)
        RPCCall.write(
            to: &call, xid: 1, program: NFSServer.program, version: NFSServer.version, procedure: 1, flavor: 1,
            // The flavor is AUTH_SYS: a stamp, a name for the machine, user, group, no other groups.
            credential: [0, 0, 0, 0] + [0, 0, 0, 8] + Array("loopback".utf8) + [UInt8](repeating: 0, count: 12))
        for word in [0, 1, UInt32(operations)] { call.uint32(word) }  // no tag, minor version 1
        write(&call)
        guard !call.overflowed else { throw DaemonError("the path of the export is too long to be asked for") }
        call.patch(RecordMark.lastFragment | UInt32(call.count - RecordMark.length), at: 0)
        let sent = call.bytes(from: 0).withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard sent == call.count else { throw Self.failure("send") }
        isWaiting = true
    }

    /// - Returns: nil when it does not come in time.
    private func reply() throws(DaemonError) -> Reply? {
        while true {
            if let reply = try complete() { return reply }
            var bytes = [UInt8](repeating: 0, count: 1024)
            let count = recv(connection, &bytes, bytes.count, 0)
            if count < 0, errno == EAGAIN { return nil }
            guard count != 0 else { throw DaemonError("the server closed the connection: see its log") }
            guard count > 0 else { throw Self.failure("receive an answer") }
            received += bytes.prefix(count)
        }
    }

    /// The reply, once all of it has come.
    private func complete() throws(DaemonError) -> Reply? {
        let bytes = received
        guard bytes.count >= RecordMark.length else { return nil }
        do throws(XDRError) {
            var mark = XDRReader(bytes.span.bytes)
            let end = RecordMark.length + Int(try mark.uint32() & ~RecordMark.lastFragment)
            guard end <= 65536 else { throw .invalid }
            guard bytes.count >= end else { return nil }
            let reply = try Reply(from: bytes.span.bytes.extracting(RecordMark.length..<end))
            (received, isWaiting) = ([], false)
            return reply
        } catch {
            throw DaemonError("the server refuses a call, or its answer makes no sense: see its log")
        }
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

    private static func failure(_ action: String) -> DaemonError {
        DaemonError("the server cannot be asked: cannot \(action): \(String(cString: strerror(errno)))")
    }
}
