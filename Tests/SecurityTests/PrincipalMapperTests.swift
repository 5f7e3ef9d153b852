import Foundation
import RPCSecurity
import Testing

@Suite("Kerberos principals as users of the machine")
struct PrincipalMapperTests {
    /// What libkrb5 reads: a process has one KRB5_CONFIG, so each test is a process of its own.
    private static func useConfiguration() throws {
        let path = "\(NSTemporaryDirectory())/krb5-\(getpid()).conf"
        try Data(
            #"""
            [libdefaults]
                default_realm = EXAMPLE.ORG
                dns_lookup_realm = false
            [realms]
                EXAMPLE.ORG = {
                    auth_to_local = RULE:[1:$1](^boss$)s/boss/root/
                    auth_to_local = RULE:[2:$1/$2](^service/web$)s/.*/daemon/
                    auth_to_local = DEFAULT
                    auth_to_local_names = {
                        special = nobody
                    }
                }
            """#.utf8
        ).write(to: URL(fileURLWithPath: path))
        setenv("KRB5_CONFIG", path, 1)
    }

    @Test("a principal of the realm is the user krb5.conf maps it to, in all the user's groups")
    func users() async {
        await #expect(processExitsWith: .success) {
            try Self.useConfiguration()
            let users: [(principal: String, uid: UInt32)] = [
                ("root@EXAMPLE.ORG", 0), ("daemon@EXAMPLE.ORG", 1), ("daemon", 1), ("boss@EXAMPLE.ORG", 0),
                ("service/web@EXAMPLE.ORG", 1), ("special@EXAMPLE.ORG", 65534),
            ]
            for (principal, uid) in users {
                let mapping = try PrincipalMapper().mapping(of: principal)
                #expect(mapping.account?.uid == uid, "\(principal)")
                #expect(mapping.account?.groups.contains(mapping.account?.gid ?? 0) == true, "\(principal)")
                #expect(!mapping.isMachine, "\(principal)")
            }
        }
    }

    @Test("a principal without a rule, of a user who does not exist, or of another realm is nobody")
    func nobody() async {
        await #expect(processExitsWith: .success) {
            try Self.useConfiguration()
            let strangers = [
                "nobody-of-this-name@EXAMPLE.ORG", "daemon@OTHER.ORG", "daemon/admin@EXAMPLE.ORG", "host/client@OTHER.ORG",
                "CLIENT$@OTHER.ORG",
                "", "@", "@EXAMPLE.ORG", "a@b@c", "\\", "$@EXAMPLE.ORG", "host/@EXAMPLE.ORG", String(repeating: "a", count: 5000),
            ]
            for principal in strangers {
                let mapping = try PrincipalMapper().mapping(of: principal)
                #expect(mapping == PrincipalMapper.Mapping(isMachine: false, account: nil), "\(principal)")
            }
        }
    }

    @Test("host/, nfs/, root/ and NAME$ of the realm are machines, whatever user they are mapped to")
    func machines() async {
        await #expect(processExitsWith: .success) {
            try Self.useConfiguration()
            for principal in [
                "host/client.example.org", "nfs/client.example.org@EXAMPLE.ORG", "root/client@EXAMPLE.ORG", "CLIENT$@EXAMPLE.ORG",
            ] {
                let mapping = try PrincipalMapper().mapping(of: principal)
                #expect(mapping == PrincipalMapper.Mapping(isMachine: true, account: nil), "\(principal)")
            }
        }
    }

    @Test("a user of the machine is known by name and by number")
    func accounts() throws {
        let daemon = try #require(try Account.named("daemon"))
        #expect(daemon == Account(uid: 1, gid: 1, groups: [1]))
        #expect(try Account.numbered(1) == daemon)
        #expect(try Account.named("nobody of this name") == nil)
        #expect(try Account.named("") == nil)
        #expect(try Account.named("daemon\0") == nil)
        #expect(try Account.numbered(4_000_000_000) == nil)
    }
}
