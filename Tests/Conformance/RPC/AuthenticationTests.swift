import NFSTestClient
import Testing

@Suite("Authentication (RFC 5531 §8.2, appendix A)")
struct AuthenticationTests {
    private static let badCredential: UInt32 = 1

    @Test("AUTH_SYS carries up to 16 groups")
    func sixteenGroups() async throws {
        let connection = try await newConnection(.sys(uid: 1, gid: 1, groups: Array(1...16)))
        #expect(try await connection.compound(.exchangeID(.unique())).status == .ok)
    }

    @Test("AUTH_SYS with more than 16 groups is AUTH_BADCRED", arguments: [17, 64])
    func tooManyGroups(_ count: Int) async throws {
        let connection = try await newConnection(.sys(uid: 1, gid: 1, groups: Array(repeating: 5, count: count)))
        #expect(try await connection.call(arguments: Self.exchangeID).body == .authError(Self.badCredential))
    }

    @Test("a machine name of 255 bytes is taken, of 256 is AUTH_BADCRED")
    func machineName() async throws {
        let longest = try await newConnection(.sys(uid: 1, gid: 1, machine: String(repeating: "m", count: 255)))
        #expect(try await longest.compound(.exchangeID(.unique())).status == .ok)
        let tooLong = try await newConnection(.sys(uid: 1, gid: 1, machine: String(repeating: "m", count: 256)))
        #expect(try await tooLong.call(arguments: Self.exchangeID).body == .authError(Self.badCredential))
    }

    @Test("an AUTH_SYS body cut short is AUTH_BADCRED")
    func truncatedBody() async throws {
        let body = Credential.root.body
        for length in stride(from: 0, to: body.count, by: 4) {
            let connection = try await newConnection(Credential(flavor: 1, body: Array(body.prefix(length))))
            #expect(try await connection.call(arguments: Self.exchangeID).body == .authError(Self.badCredential), "\(length) bytes")
        }
    }

    @Test("an unknown flavour is AUTH_BADCRED", arguments: [2, 3, 390_003, UInt32.max])
    func unknownFlavor(_ flavor: UInt32) async throws {
        let reply = try await newConnection(Credential(flavor: flavor, body: [])).call(arguments: Self.exchangeID)
        #expect(reply.body == .authError(Self.badCredential))
    }

    @Test("AUTH_NONE has no body: one with a body is AUTH_BADCRED")
    func noneWithBody() async throws {
        let reply = try await newConnection(Credential(flavor: 0, body: [0, 0, 0, 0])).call(arguments: Self.exchangeID)
        #expect(reply.body == .authError(Self.badCredential))
    }

    @Test("a verifier other than AUTH_NONE is AUTH_BADVERF")
    func verifier() async throws {
        let badVerifier: UInt32 = 3
        for verifier in [Credential(flavor: 1, body: []), Credential(flavor: 0, body: [0, 0, 0, 0])] {
            let reply = try await newConnection().call(arguments: Self.exchangeID) { $0.verifier = verifier }
            #expect(reply.body == .authError(badVerifier))
        }
    }

    @Test("a credential longer than the 400 bytes of opaque_auth is AUTH_BADCRED")
    func oversizedCredential() async throws {
        let reply = try await newConnection(Credential(flavor: 1, body: Array(repeating: 0, count: 404))).call(arguments: Self.exchangeID)
        #expect(reply.body == .authError(Self.badCredential))
    }

    private static var exchangeID: [UInt8] { Connection.compoundArguments([.exchangeID(.unique())]) }
}
