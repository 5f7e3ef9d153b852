internal import CTirpc

/// Why rpcbind did not do what it was asked for; `description` is a line for the operator.
package struct RpcbindError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

/// The local rpcbind (RFC 1833), which tells NFSv3-style clients and `rpcinfo` the port of a program. NFSv4 needs none.
///
/// Calls block until rpcbind answers, libtirpc's time limit passes, or the connection is refused.
package enum Rpcbind {
    /// Registers a program at a listening address; `[::]` stands for IPv4 too. What a killed predecessor left is replaced.
    package static func register(program: UInt32, version: UInt32, at address: PeerAddress) throws(RpcbindError) {
        for address in addresses(of: address) {
            // Whatever this fails with, the next call fails with and reports.
            _ = ctirpc_rpcbind_unset(program, version, address.netid)
            let outcome = ctirpc_rpcbind_set(
                program, version, address.netid, address.bytes, address.bytes.count, address.port)
            try check(outcome, "register program \(program) version \(version) for \(address.netid) port \(address.port)", address)
        }
    }

    /// Takes the registrations for a listening address back. It is no error when there are none.
    package static func unregister(program: UInt32, version: UInt32, at address: PeerAddress) throws(RpcbindError) {
        for address in addresses(of: address) {
            let outcome = ctirpc_rpcbind_unset(program, version, address.netid)
            // rpcbind says no, too, to what is not registered.
            if outcome == CTIRPC_REFUSED { continue }
            try check(outcome, "unregister program \(program) version \(version) for \(address.netid)", address)
        }
    }

    private struct Address {
        let netid: String
        let bytes: [UInt8]
        let port: UInt16
    }

    private static func addresses(of address: PeerAddress) -> [Address] {
        let ipv4 = Address(netid: "tcp", bytes: address.address.count == 4 ? address.address : [0, 0, 0, 0], port: address.port)
        guard address.address.count == 16 else { return [ipv4] }
        let ipv6 = Address(netid: "tcp6", bytes: address.address, port: address.port)
        return address.address.allSatisfy { $0 == 0 } ? [ipv6, ipv4] : [ipv6]
    }

    private static func check(_ outcome: ctirpc_outcome, _ what: String, _ address: Address) throws(RpcbindError) {
        let reason =
            switch outcome {
            case CTIRPC_DONE: nil as String?
            case CTIRPC_UNKNOWN_NETID: "/etc/netconfig does not list \(address.netid); install libtirpc-common"
            case CTIRPC_REFUSED:
                "another server has registered it; `rpcinfo -p` lists it, stop that server or start without --rpcbind"
            default:
                "\(String(cString: ctirpc_create_error())); start rpcbind, or start without --rpcbind (NFSv4 does not need it)"
            }
        if let reason { throw RpcbindError(description: "cannot \(what): \(reason)") }
    }
}
