import Glibc

/// A connection to a UNIX socket for one request and the whole response to it. It blocks.
struct UnixSocket: ~Copyable {
    private let descriptor: Int32

    /// - Parameter seconds: how long to wait for somebody to listen.
    init(path: String, waiting seconds: Int) throws {
        descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        for _ in 0..<seconds * 100 {
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            if result == 0 { return }
            usleep(10_000)
        }
        throw ConnectionError.failed(errno)
    }

    deinit { close(descriptor) }

    func exchange(_ request: String) throws -> String {
        guard send(descriptor, request, request.utf8.count, 0) == request.utf8.count else { throw ConnectionError.failed(errno) }
        var response: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { response += buffer.prefix(count) }
        return String(decoding: response, as: UTF8.self)
    }
}
