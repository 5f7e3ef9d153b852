import Glibc
import RPC

/// Why the transport cannot start; `description` is a line for the operator that says what to do.
package struct TransportError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }

    /// The kernel refused to listen.
    static func listening(on address: PeerAddress, _ code: Int32) -> TransportError {
        let advice =
            switch code {
            case EADDRINUSE:
                "port \(address.port) is in use; `ss -ltnp` shows by whom; stop that program or listen on another port"
            case EADDRNOTAVAIL: "this machine does not have the address; `ip address` lists those it has, 0.0.0.0 stands for all"
            case EACCES, EPERM: "ports below 1024 need root or CAP_NET_BIND_SERVICE; listen on a higher port"
            case EAFNOSUPPORT: "the kernel has no \(address.address.count == 4 ? "IPv4" : "IPv6"); listen on the other"
            case EMFILE, ENFILE: "no file descriptors are left; raise the limit (`ulimit -n`, LimitNOFILE=)"
            default: text(code)
            }
        return TransportError("cannot listen on \(address): \(advice)")
    }

    static func system(_ what: String, _ code: Int32) -> TransportError { TransportError("cannot \(what): \(text(code))") }

    /// - Parameter code: of a thread that was to be started.
    static func requireThread(_ code: Int32) throws(TransportError) {
        guard code == 0 else { throw .system("start a thread", code) }
    }

    /// The kernel's words for an errno.
    static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
