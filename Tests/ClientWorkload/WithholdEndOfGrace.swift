import ArgumentParser
import Glibc

struct WithholdEndOfGrace: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stand between a server and its recovery backend, pass everything on except the request that ends grace.",
        discussion: "Prints \"ready\" when it listens and \"withheld\" when that request came; its sender never gets an answer.")

    @Option(help: "Port to listen on, all addresses.") var listen: UInt16
    @Option(help: "Port of the recovery backend on 127.0.0.1.") var backend: UInt16
    @Option(help: "Host name under which the server is recorded.") var hostname: String

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        let listener = try tcpSocket()
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        try withAddress(INADDR_ANY, listen) { try check(bind(listener, $0, $1), "bind to port \(listen)") }
        try check(Glibc.listen(listener, 16), "listen")
        say("ready")

        let request = Array("PUT /v1/recoverybackend/\(hostname) ".utf8)
        var peers: [Int32: Int32] = [:]
        while true {
            var ready = ([listener] + peers.keys).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            try check(poll(&ready, nfds_t(ready.count), -1), "poll")
            for entry in ready where entry.revents != 0 {
                if entry.fd == listener {
                    let client = try check(accept(listener, nil, nil), "accept")
                    let upstream = try tcpSocket()
                    try withAddress(INADDR_LOOPBACK, backend) { try check(connect(upstream, $0, $1), "connect to the backend") }
                    peers[client] = upstream
                    peers[upstream] = client
                } else if let peer = peers[entry.fd] {
                    let bytes = receive(entry.fd)
                    if bytes.starts(with: request) {
                        // The rest of the request must not reach the backend either; nothing is read from its sender any more.
                        peers[entry.fd] = nil
                        say("withheld")
                    } else if bytes.isEmpty || send(peer, bytes, bytes.count, 0) != bytes.count {
                        for descriptor in [entry.fd, peer] {
                            peers[descriptor] = nil
                            close(descriptor)
                        }
                    }
                }
            }
        }
    }

    /// The reader is a program that waits for the line, so it must not stay in a buffer.
    private func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private func tcpSocket() throws -> Int32 {
        try check(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), "socket")
    }

    private func receive(_ descriptor: Int32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            count = max(0, recv(descriptor, buffer.baseAddress, buffer.count, 0))
        }
    }

    private func withAddress(_ host: in_addr_t, _ port: UInt16, _ use: (UnsafePointer<sockaddr>, socklen_t) throws -> Void) rethrows {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = host.bigEndian
        try withUnsafePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { try use($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
