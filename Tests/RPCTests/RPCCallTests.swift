import RPC
import Testing
import XDR

private let program = RPCProgram(number: 100_003, versions: 4...4, procedures: 2)

private func decode(_ bytes: [UInt8]) -> RPCCall.Disposition {
    var credentials = CredentialCache()
    return RPCCall.decode(bytes.span.bytes, for: program, credentials: &credentials)
}

private func decode(_ change: (inout CallBuilder) -> Void) -> RPCCall.Disposition {
    var builder = CallBuilder()
    change(&builder)
    return decode(builder.bytes)
}

private func refusal(_ disposition: RPCCall.Disposition) -> RPCReply? {
    guard case .refused(let xid, let reply) = disposition, xid == 0x1234_5678 else { return nil }
    return reply
}

private func served(_ disposition: RPCCall.Disposition) -> RPCCall? {
    if case .call(let call) = disposition { call } else { nil }
}

@Suite struct RPCCallTests {
    @Test func aCallWithoutCredentialIsRead() throws {
        let call = try #require(served(decode { $0.arguments = [1, 2, 3, 4] }))
        #expect(call.xid == 0x1234_5678 && call.version == 4 && call.procedure == 1)
        #expect(call.argumentsOffset == 40)
        guard case .none = call.credential else { return #expect(Bool(false), "not AUTH_NONE: \(call.credential)") }
    }

    @Test func aCallThatIsWrittenReadsAsOneMadeByHand() {
        var writer = XDRWriter(pool: BufferPool(), limit: 1024)
        let body = CallBuilder.authSys()
        RPCCall.write(to: &writer, xid: 0x1234_5678, program: 100_003, version: 4, procedure: 1, flavor: 1, credential: body)
        #expect(writer.bytes(from: 0).withUnsafeBytes { Array($0) } == CallBuilder(credential: (1, body)).bytes)
    }

    @Test(arguments: [[0, 0, 0, 0, 0, 0, 1, 2], [1], [UInt8](repeating: 7, count: GSSCredential.longestHandle)] as [[UInt8]])
    func aCallInAContextThatIsWrittenReadsAsOneMadeByHand(handle: [UInt8]) {
        var writer = XDRWriter(pool: BufferPool(), limit: 1024)
        RPCCall.begin(to: &writer, xid: 0x1234_5678, program: 100_003, version: 4, procedure: 1)
        GSSCredential.write(to: &writer, sequence: 9, service: .privacy, handle: handle)
        let checksum: [UInt8] = [1, 2, 3, 4, 5]
        writer.rpcVerifier(checksum.span.bytes)
        let credential = CallBuilder.gss(sequence: 9, service: 3, handle: handle)
        #expect(credential.body.count == GSSCredential.length(handle: handle.count) && credential.body.count <= 400)
        #expect(writer.bytes(from: 0).withUnsafeBytes { Array($0) } == CallBuilder(credential: credential, verifier: (6, checksum)).bytes)
    }

    @Test func nullIsACallLikeOthers() throws {
        #expect(served(decode { $0.procedure = 0 })?.procedure == 0)
    }

    @Test(arguments: [("", 0), ("a", 1), ("client-1", 3), (String(repeating: "m", count: 255), 16)])
    func authSysIsRead(machine: String, groupCount: Int) throws {
        let groups = (0..<groupCount).map { UInt32($0) + 5000 }
        let body = CallBuilder.authSys(machine: machine, uid: 4_294_967_294, gid: 7, groups: groups)
        let call = try #require(served(decode { $0.credential = (1, body) }))
        guard case .sys(let sys) = call.credential else { return #expect(Bool(false), "not AUTH_SYS") }
        #expect(sys.machineName == Array(machine.utf8))
        #expect(sys.uid == 4_294_967_294 && sys.gid == 7 && sys.groups == groups)
        #expect(call.argumentsOffset == 40 + body.count)
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let reply: RPCReply
        let change: @Sendable (inout CallBuilder) -> Void
    }

    static let refusals: [Case] = [
        Case(testDescription: "RPC version 1", reply: .rpcMismatch(low: 2, high: 2)) { $0.rpcVersion = 1 },
        Case(testDescription: "RPC version 3", reply: .rpcMismatch(low: 2, high: 2)) { $0.rpcVersion = 3 },
        Case(testDescription: "another program", reply: .programUnavailable) { $0.program = 100_005 },
        Case(testDescription: "version 3", reply: .programMismatch(low: 4, high: 4)) { $0.version = 3 },
        Case(testDescription: "version 5, NULL", reply: .programMismatch(low: 4, high: 4)) { ($0.version, $0.procedure) = (5, 0) },
        Case(testDescription: "procedure 2", reply: .procedureUnavailable) { $0.procedure = 2 },
        Case(testDescription: "highest procedure", reply: .procedureUnavailable) { $0.procedure = .max },
        Case(testDescription: "AUTH_NONE with a body", reply: .authError(.badCredential)) { $0.credential = (0, [0, 0, 0, 0]) },
        Case(testDescription: "AUTH_SHORT", reply: .authError(.badCredential)) { $0.credential = (2, [0, 0, 0, 0]) },
        Case(testDescription: "AUTH_DH", reply: .authError(.badCredential)) { $0.credential = (3, []) },
        Case(testDescription: "RPCSEC_GSS without a handle", reply: .authError(.badCredential)) {
            ($0.credential, $0.verifier) = ((6, [1, 0, 0, 1].flatMap { word($0) }), (6, [1, 2, 3, 4]))
        },
        Case(testDescription: "RPCSEC_GSS with a longer handle than there is", reply: .authError(.badCredential)) {
            ($0.credential, $0.verifier) = ((6, [1, 0, 0, 1, 400].flatMap { word($0) }), (6, [1, 2, 3, 4]))
        },
        Case(testDescription: "a context of RPCSEC_GSS version 3", reply: .authError(.rejectedCredential)) {
            ($0.credential, $0.procedure) = (CallBuilder.gss(version: 3, procedure: 1, handle: []), 0)
        },
        Case(testDescription: "a call of RPCSEC_GSS version 3", reply: .authError(.badCredential)) {
            $0.credential = CallBuilder.gss(version: 3)
        },
        Case(testDescription: "RPCSEC_GSS with an AUTH_NONE verifier", reply: .authError(.badVerifier)) {
            $0.credential = CallBuilder.gss()
        },
        Case(testDescription: "a context with a checksum", reply: .authError(.badVerifier)) {
            ($0.credential, $0.verifier, $0.procedure) = (CallBuilder.gss(procedure: 1, handle: []), (6, [1]), 0)
        },
        Case(testDescription: "a context by another procedure than NULL", reply: .authError(.badCredential)) {
            $0.credential = CallBuilder.gss(procedure: 1, handle: [])
        },
        Case(testDescription: "AUTH_TLS", reply: .authError(.badCredential)) { ($0.credential, $0.procedure) = ((7, []), 0) },
        Case(testDescription: "unknown flavor", reply: .authError(.badCredential)) { $0.credential = (.max, []) },
        Case(testDescription: "credential of 401 bytes", reply: .authError(.badCredential)) {
            $0.credential = (1, [UInt8](repeating: 0, count: 401))
        },
        Case(testDescription: "17 groups", reply: .authError(.badCredential)) {
            $0.credential = (1, CallBuilder.authSys(groups: [UInt32](repeating: 1, count: 17)))
        },
        Case(testDescription: "machine name of 256 bytes", reply: .authError(.badCredential)) {
            $0.credential = (1, CallBuilder.authSys(machine: String(repeating: "m", count: 256)))
        },
        Case(testDescription: "AUTH_SYS cut short", reply: .authError(.badCredential)) {
            $0.credential = (1, CallBuilder.authSys().dropLast(4).map { $0 })
        },
        Case(testDescription: "AUTH_SYS with more behind", reply: .authError(.badCredential)) {
            $0.credential = (1, CallBuilder.authSys() + [0, 0, 0, 0])
        },
        Case(testDescription: "empty AUTH_SYS", reply: .authError(.badCredential)) { $0.credential = (1, []) },
        Case(testDescription: "verifier with a flavor", reply: .authError(.badVerifier)) { $0.verifier = (1, []) },
        Case(testDescription: "verifier with a body", reply: .authError(.badVerifier)) { $0.verifier = (0, [1, 2, 3, 4]) },
        Case(testDescription: "verifier of 401 bytes", reply: .authError(.badVerifier)) {
            $0.verifier = (0, [UInt8](repeating: 0, count: 401))
        },
        Case(testDescription: "RPC version before all else", reply: .rpcMismatch(low: 2, high: 2)) {
            ($0.rpcVersion, $0.program, $0.credential) = (9, 1, (9, []))
        },
        Case(testDescription: "authentication before the program", reply: .authError(.badCredential)) {
            ($0.program, $0.credential) = (1, (9, []))
        },
    ]

    @Test(arguments: refusals)
    func aCallThatCannotBeServedIsRefused(_ refused: Case) {
        #expect(refusal(decode(refused.change)) == refused.reply)
    }

    @Test(arguments: [(UInt32(1), GSSService.none), (2, .integrity), (3, .privacy)])
    func aCallInAContextIsRead(service: UInt32, meaning: GSSService) throws {
        let disposition = decode {
            $0.credential = CallBuilder.gss(sequence: 0x8000_0001, service: service)
            $0.verifier = (6, [1, 2, 3, 4, 5])
            $0.arguments = [9, 9, 9, 9]
        }
        guard case .gss(let call) = disposition else { return #expect(Bool(false), "not RPCSEC_GSS: \(disposition)") }
        #expect(call.xid == 0x1234_5678 && call.procedure == 1 && call.refusal == nil)
        #expect(call.credential.procedure == .data && call.credential.sequence == 0x8000_0001 && call.credential.service == meaning)
        #expect(call.credential.handle == GSSHandle(rawValue: 0x102))
        #expect(call.headerEnd == 60 && call.checksum == 68..<73 && call.argumentsOffset == 76)
    }

    @Test(arguments: [(1, []), (2, [0, 0, 0, 0, 0, 0, 1, 2]), (2, [7])] as [(UInt32, [UInt8])])
    func aCallThatMakesAContextIsRead(procedure: UInt32, handle: [UInt8]) throws {
        let disposition = decode {
            ($0.credential, $0.procedure) = (CallBuilder.gss(procedure: procedure, service: 99, handle: handle), 0)
        }
        guard case .gss(let call) = disposition else { return #expect(Bool(false), "not RPCSEC_GSS: \(disposition)") }
        #expect(call.credential.procedure == (procedure == 1 ? .initialize : .continueInitialize))
        #expect(call.credential.handle == (handle.count == 8 ? GSSHandle(rawValue: 0x102) : nil))
        #expect(call.checksum.isEmpty)
    }

    @Test func whoCallsWhatIsNotServedIsToBeProvedFirst() throws {
        let disposition = decode {
            ($0.credential, $0.verifier, $0.version) = (CallBuilder.gss(), (6, [1, 2, 3, 4]), 3)
        }
        guard case .gss(let call) = disposition else { return #expect(Bool(false), "not RPCSEC_GSS: \(disposition)") }
        #expect(call.refusal == .programMismatch(low: 4, high: 4))
    }

    @Test func spoiledCallsInAContextAreReadOrRefused() {
        var builder = CallBuilder()
        (builder.credential, builder.verifier, builder.arguments) = (CallBuilder.gss(), (6, [1, 2, 3, 4]), [9, 9, 9, 9])
        var random = SeededGenerator(seed: 4)
        for _ in 0..<20_000 {
            var bytes = builder.bytes
            for _ in 0...random.next() % 4 { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next()) }
            bytes.removeLast(Int(random.next() % 3) == 0 ? Int(random.next() % UInt64(bytes.count)) : 0)
            // Where the parts are said to be they are.
            guard case .gss(let call) = decode(bytes) else { continue }
            #expect(call.headerEnd <= call.checksum.lowerBound && call.checksum.upperBound <= call.argumentsOffset)
            #expect(call.argumentsOffset <= bytes.count && call.checksum.count <= 400)
        }
    }

    @Test func anAnswerToACallOfOursIsToldApart() {
        guard case .reply(let xid) = decode({ $0.type = 1 }) else { return #expect(Bool(false), "not a reply") }
        #expect(xid == 0x1234_5678)
    }

    @Test(arguments: [UInt32(2), 0x1000_0000, .max])
    func otherMessagesAreUndecodable(type: UInt32) {
        guard case .undecodable = decode({ $0.type = type }) else { return #expect(Bool(false), "was read") }
    }

    /// Every header cut short is undecodable: no part of it is taken for a whole one.
    @Test func aTruncatedHeaderIsUndecodable() {
        var builder = CallBuilder()
        builder.credential = (1, CallBuilder.authSys())
        let bytes = builder.bytes
        for count in 0..<bytes.count {
            guard case .undecodable = decode(Array(bytes.prefix(count))) else {
                #expect(Bool(false), "\(count) of \(bytes.count) bytes were read as a header")
                continue
            }
        }
        #expect(served(decode(bytes)) != nil)
    }

    /// Random changes of a good call: never a trap, and what is accepted has its arguments inside the record.
    @Test func changedBytesNeverTrap() {
        var random = SeededGenerator(seed: 3)
        var builder = CallBuilder()
        builder.credential = (1, CallBuilder.authSys())
        let good = builder.bytes
        var credentials = CredentialCache()
        var accepted = 0
        for _ in 0..<50_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
            let disposition = RPCCall.decode(bytes.span.bytes, for: program, credentials: &credentials)
            if case .call(let call) = disposition {
                accepted += 1
                #expect(call.argumentsOffset <= bytes.count)
            }
        }
        #expect(accepted > 1_000)
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<20_000 { _ = decode(random.bytes(Int.random(in: 0...120, using: &random))) }
    }
}

@Suite struct CredentialCacheTests {
    private func credential(_ body: [UInt8], _ cache: inout CredentialCache) -> AuthSys? {
        var builder = CallBuilder()
        builder.credential = (1, body)
        let disposition = RPCCall.decode(builder.bytes.span.bytes, for: program, credentials: &cache)
        guard case .sys(let sys) = served(disposition)?.credential else { return nil }
        return sys
    }

    @Test func theSameCredentialIsTheSameObject() throws {
        var cache = CredentialCache()
        let first = try #require(credential(CallBuilder.authSys(uid: 1), &cache))
        for uid in UInt32(2)...4 { _ = credential(CallBuilder.authSys(uid: uid), &cache) }
        #expect(credential(CallBuilder.authSys(uid: 1), &cache) === first)
    }

    @Test func credentialsThatDifferAnywhereAreToldApart() throws {
        var cache = CredentialCache()
        let body = CallBuilder.authSys()
        let first = try #require(credential(body, &cache))
        // Behind the stamp, the lengths and the machine name: uid, gid, groups.
        for index in 20..<body.count where !(28..<32).contains(index) {
            var other = body
            other[index] ^= 1
            #expect(credential(other, &cache) !== first)
        }
        #expect(credential(CallBuilder.authSys(groups: [4, 24]), &cache)?.groups == [4, 24])
    }

    @Test func manyUsersAreReadRightly() {
        var cache = CredentialCache()
        var random = SeededGenerator(seed: 5)
        for _ in 0..<2_000 {
            let uid = UInt32.random(in: 0..<8, using: &random)
            #expect(credential(CallBuilder.authSys(uid: uid, groups: [uid, uid + 1]), &cache)?.uid == uid)
        }
    }

    @Test func aMalformedCredentialIsNotRemembered() {
        var cache = CredentialCache()
        let bad = CallBuilder.authSys() + [0]
        #expect(credential(bad, &cache) == nil)
        #expect(credential(bad, &cache) == nil)
    }
}
