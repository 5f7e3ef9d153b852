/// opaque_auth (RFC 5531 §8.2): a flavour and its body.
package struct Credential: Hashable, Sendable {
    package var flavor: UInt32
    package var body: [UInt8]

    package init(flavor: UInt32, body: [UInt8]) {
        self.flavor = flavor
        self.body = body
    }

    package static let none = Credential(flavor: 0, body: [])
    package static let root = Credential.sys(uid: 0, gid: 0)

    package static func sys(uid: UInt32, gid: UInt32, groups: [UInt32] = [], machine: String = "conformance") -> Credential {
        Credential(flavor: 1, body: sysBody(uid: uid, gid: gid, groups: groups, machine: machine))
    }

    /// authsys_parms (RFC 5531 appendix A).
    static func sysBody(uid: UInt32, gid: UInt32, groups: [UInt32], machine: String) -> [UInt8] {
        var encoder = XDREncoder()
        encoder.uint32(0)
        encoder.string(machine)
        encoder.uint32(uid)
        encoder.uint32(gid)
        encoder.array(groups) { $0.uint32($1) }
        return encoder.bytes
    }
}

/// A call message (RFC 5531 §9), every field of which a test may set wrongly.
package struct RPCCall: Sendable {
    package static let nfsProgram: UInt32 = 100_003
    package static let compoundProcedure: UInt32 = 1

    package var xid: UInt32
    package var messageType: UInt32 = 0
    package var rpcVersion: UInt32 = 2
    package var program = nfsProgram
    package var version: UInt32 = 4
    package var procedure: UInt32
    package var credential: Credential
    package var verifier = Credential.none
    package var arguments: [UInt8]

    package init(xid: UInt32, procedure: UInt32 = compoundProcedure, credential: Credential = .root, arguments: [UInt8] = []) {
        self.xid = xid
        self.procedure = procedure
        self.credential = credential
        self.arguments = arguments
    }

    package var bytes: [UInt8] {
        var encoder = XDREncoder()
        for word in [xid, messageType, rpcVersion, program, version, procedure] { encoder.uint32(word) }
        for auth in [credential, verifier] {
            encoder.uint32(auth.flavor)
            encoder.opaque(auth.body)
        }
        encoder.raw(arguments)
        return encoder.bytes
    }
}

/// A reply message (RFC 5531 §9).
package struct RPCReply: Sendable {
    package enum Body: Equatable, Sendable {
        case success([UInt8])
        case progUnavail
        case progMismatch(low: UInt32, high: UInt32)
        case procUnavail
        case garbageArgs
        case systemErr
        case rpcMismatch(low: UInt32, high: UInt32)
        case authError(UInt32)
    }

    package let xid: UInt32
    package let body: Body

    package init(_ bytes: [UInt8]) throws {
        var decoder = XDRDecoder(bytes)
        xid = try decoder.uint32()
        guard try decoder.uint32() == 1 else { throw ProtocolViolation("a message that is not a reply came back") }
        switch try decoder.uint32() {
        case 0: body = try Self.accepted(&decoder)
        case 1: body = try Self.denied(&decoder)
        case let other: throw ProtocolViolation("reply_stat \(other)")
        }
        try decoder.end()
    }

    private static func accepted(_ decoder: inout XDRDecoder) throws -> Body {
        _ = try decoder.uint32()
        guard try decoder.opaque().count <= 400 else { throw ProtocolViolation("verifier longer than 400 bytes") }
        switch try decoder.uint32() {
        case 0: return .success(try decoder.fixed(decoder.remaining))
        case 1: return .progUnavail
        case 2: return .progMismatch(low: try decoder.uint32(), high: try decoder.uint32())
        case 3: return .procUnavail
        case 4: return .garbageArgs
        case 5: return .systemErr
        case let other: throw ProtocolViolation("accept_stat \(other)")
        }
    }

    private static func denied(_ decoder: inout XDRDecoder) throws -> Body {
        switch try decoder.uint32() {
        case 0: return .rpcMismatch(low: try decoder.uint32(), high: try decoder.uint32())
        case 1: return .authError(try decoder.uint32())
        case let other: throw ProtocolViolation("reject_stat \(other)")
        }
    }

    /// The results of the procedure; throws when the call was not carried out.
    package var results: [UInt8] {
        get throws {
            guard case .success(let results) = body else { throw ProtocolViolation("the call was answered \(body)") }
            return results
        }
    }
}
