/// Encodes calls by hand, apart from the code under test.
struct CallBuilder {
    var xid: UInt32 = 0x1234_5678
    var type: UInt32 = 0
    var rpcVersion: UInt32 = 2
    var program: UInt32 = 100_003
    var version: UInt32 = 4
    var procedure: UInt32 = 1
    var credential: (flavor: UInt32, body: [UInt8]) = (0, [])
    var verifier: (flavor: UInt32, body: [UInt8]) = (0, [])
    var arguments: [UInt8] = []

    var bytes: [UInt8] {
        [xid, type, rpcVersion, program, version, procedure].flatMap(word)
            + opaque(credential) + opaque(verifier) + arguments
    }

    /// authsys_parms.
    static func authSys(
        stamp: UInt32 = 77, machine: String = "client-1", uid: UInt32 = 1000, gid: UInt32 = 100, groups: [UInt32] = [4, 24, 27]
    ) -> [UInt8] {
        word(stamp) + variable(Array(machine.utf8)) + word(uid) + word(gid)
            + word(UInt32(groups.count)) + groups.flatMap(word)
    }

    /// rpc_gss_cred_t.
    static func gss(
        version: UInt32 = 1, procedure: UInt32 = 0, sequence: UInt32 = 9, service: UInt32 = 2, handle: [UInt8] = [0, 0, 0, 0, 0, 0, 1, 2]
    ) -> (flavor: UInt32, body: [UInt8]) {
        (6, [version, procedure, sequence, service].flatMap(word) + variable(handle))
    }

    private func opaque(_ auth: (flavor: UInt32, body: [UInt8])) -> [UInt8] { word(auth.flavor) + variable(auth.body) }
}

func word(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
}

func variable(_ bytes: [UInt8]) -> [UInt8] {
    word(UInt32(bytes.count)) + bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
}
