import Foundation
import RecoveryBackend

/// Bytes written to a socket by hand, so that nothing of the HTTP library under test helps the test.
enum RawExchange {
    struct Failed: Error {
        let call: String
        let reason = String(cString: strerror(errno))
    }

    /// Sends `bytes` and returns all that comes back until the peer closes the connection.
    static func send(_ bytes: [UInt8], to address: ServiceAddress) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            // A thread of its own: those of Dispatch are the ones on which the service under test runs.
            Thread.detachNewThread {
                continuation.resume(with: Result { try exchange(bytes, port: UInt16(address.port)) })
            }
        }
    }

    /// A request as NFS-Ganesha's libcurl sends it; the body's terminating NUL is counted and sent.
    static func ganesha(_ method: String, _ path: String, body: String? = nil) -> [UInt8] {
        let payload: [UInt8] = body.map { Array($0.utf8) + [0] } ?? []
        var head = [
            "\(method) \(path) HTTP/1.1", "Host: longhorn-recovery-backend:9503", "User-Agent: libcurl-agent/1.0",
            "Accept: application/json", "Content-Type: application/json; charset=utf-8", "Connection: close",
        ]
        if body != nil { head.append("Content-Length: \(payload.count)") }
        return Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + payload
    }

    /// Runs `body` with a loopback address where connections are made but nothing is ever said.
    static func withSilentListener<Result>(_ body: (ServiceAddress) async throws -> Result) async throws -> Result {
        let (descriptor, port) = try listen()
        defer { Foundation.close(descriptor) }
        return try await body(ServiceAddress(host: "127.0.0.1", port: port))
    }

    /// Runs `body` with a loopback address where the first connection is told `text` and then nothing more.
    static func withListener<Result>(
        saying text: String, _ body: (ServiceAddress) async throws -> Result
    ) async throws -> Result {
        let (descriptor, port) = try listen()
        defer { Foundation.close(descriptor) }
        Thread.detachNewThread {
            let connection = accept(descriptor, nil, nil)
            _ = write(connection, text, text.utf8.count)
            var ignored = [UInt8](repeating: 0, count: 4096)
            while read(connection, &ignored, ignored.count) > 0 {}
            Foundation.close(connection)
        }
        return try await body(ServiceAddress(host: "127.0.0.1", port: port))
    }

    /// A loopback address on which nothing listens.
    static func freeAddress() throws -> ServiceAddress {
        let (descriptor, port) = try listen()
        Foundation.close(descriptor)
        return ServiceAddress(host: "127.0.0.1", port: port)
    }

    private static func exchange(_ bytes: [UInt8], port: UInt16) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failed(call: "socket") }
        defer { Foundation.close(descriptor) }
        // A service that does not close the connection fails the test instead of stopping it.
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard withLoopback(port, { connect(descriptor, $0, $1) }) == 0 else { throw Failed(call: "connect") }
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw Failed(call: "write") }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw Failed(call: "read after \(answer.count) bytes") }
            guard count > 0 else { return String(decoding: answer, as: UTF8.self) }
            answer += buffer[..<count]
        }
    }

    private static func listen() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failed(call: "socket") }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        guard withLoopback(0, { bind(descriptor, $0, $1) }) == 0, Foundation.listen(descriptor, 8) == 0,
            withUnsafeMutablePointer(
                to: &address, { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) } }) == 0
        else { throw Failed(call: "listen") }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private static func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
