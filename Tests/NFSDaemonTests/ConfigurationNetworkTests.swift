import FileSystem
import NFSDaemon
import NFSServer
import Testing

@Suite("Addresses and networks")
struct ConfigurationNetworkTests {
    private func network(_ text: String) throws -> Network {
        try Network(GivenValue(text: text, origin: "network"))
    }

    private func listenAddress(_ text: String) throws -> ListenAddress {
        try ListenAddress(GivenValue(text: text, origin: "listen"))
    }

    @Test(
        "A network holds the addresses that share its prefix, to the bit",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "9.255.255.255", false),
            ("192.0.2.128/25", "192.0.2.127", false), ("192.0.2.128/25", "192.0.2.128", true),
            ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7/32", "192.0.2.6", false),
            ("0.0.0.0/0", "255.255.255.255", true), ("0.0.0.0/0", "::1", false), ("::/0", "10.0.0.1", false), ("::/0", "ffff::", true),
            ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false), ("2001:db8::/33", "2001:db8:7fff::", true),
            ("2001:db8::/33", "2001:db8:8000::", false), ("::1", "::1", true), ("::1/128", "::", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("::/0", "::ffff:10.1.2.3", false),
        ])
    func membership(network text: String, address: String, isMember: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(try network(text).contains(address) == isMember)
        #expect(try network(text).contains(#require(IPAddress(bytes: address.bytes))) == isMember)
    }

    @Test("The default networks hold every address", arguments: ["0.0.0.0", "255.1.2.3", "::", "ffff:ffff::1", "::ffff:1.2.3.4"])
    func everyone(address: String) throws {
        let export = try ExportConfiguration(GivenValue(text: "/data", origin: "export"))
        let client = try #require(IPAddress(address))
        #expect(export.allowedNetwork(of: client)?.network.prefixLength == 0)
    }

    @Test(
        "Of the networks that hold an address the longest prefix counts, wherever it stands",
        arguments: [
            ("10.1.2.3", "10.1.2.3/32"), ("10.1.2.4", "10.1.2.0/24"), ("10.1.3.4", "10.0.0.0/8"), ("::ffff:10.1.2.3", "10.1.2.3/32"),
            ("192.0.2.1", nil), ("fd00::1", "fd00::/8"), ("fd00:1::1", "fd00:1::/32"), ("fe80::1", nil),
        ])
    func longestMatch(address: String, network: String?) throws {
        let export = try configuration(
            yaml: """
                export:
                  path: /data
                  allowed-networks: [10.0.0.0/8, 10.1.2.3, 10.1.2.0/24, "fd00:1::/32", "fd00::/8"]
                """
        ).exports[0]
        #expect(try export.allowedNetwork(of: #require(IPAddress(address)))?.network.description == network)
    }

    @Test(
        "A denied network counts where its prefix is the longest of all, and networks inside it may be allowed again",
        arguments: [
            ("10.1.2.3", nil), ("10.2.0.1", "10.0.0.0/8"), ("10.1.9.9", "10.1.9.0/24"), ("10.1.9.1", nil), ("192.0.2.1", nil),
            ("fd00::1", "fd00::/8"),
        ])
    func denied(address: String, network: String?) throws {
        let export = try configuration(
            yaml: """
                export:
                  path: /data
                  allowed-networks: [10.0.0.0/8, 10.1.9.0/24, "fd00::/8"]
                  denied-networks: [10.1.0.0/16, 10.1.9.1, 192.0.2.0/24]
                """
        ).exports[0]
        #expect(try export.allowedNetwork(of: #require(IPAddress(address)))?.network.description == network)
    }

    @Test("Denied networks take from everyone, where nothing is said of allowed ones")
    func deniedToEveryoneElse() throws {
        let export = try configuration(yaml: "export: {path: /data, denied-networks: 10.0.0.0/8}").exports[0]
        #expect(try export.allowedNetwork(of: #require(IPAddress("10.1.2.3"))) == nil)
        #expect(try export.allowedNetwork(of: #require(IPAddress("11.1.2.3")))?.network.description == "0.0.0.0/0")
    }

    @Test("A network has the rule of its export but for what it says itself")
    func rulesOfNetworks() throws {
        let export = try configuration(
            yaml: """
                security: [krb5p, krb5]
                export:
                  path: /data
                  squash: root
                  anonymous-uid: 7
                  allowed-networks:
                    - 10.0.0.0/8
                    - {network: 10.1.0.0/16, read-only: true, squash: all, anonymous-uid: 8, anonymous-gid: 9, security: [krb5i, sys]}
                    - {network: 10.2.0.0/16, squash: none}
                """
        ).exports[0]
        let own = ExportRule(squash: .root, anonymous: Credentials(uid: 7, gid: 65534), security: [.krb5p, .krb5])
        #expect(export.rule == own)
        var third = own
        third.squash = .none
        #expect(
            export.allowedNetworks.map(\.rule) == [
                own, ExportRule(isReadOnly: true, squash: .all, anonymous: Credentials(uid: 8, gid: 9), security: [.krb5i, .sys]), third,
            ])
    }

    @Test("Flavors are the server's unless the export has its own, and sys when nobody says any")
    func security() throws {
        #expect(try configuration([:]).exports[0].rule.security == [.sys])
        #expect(try configuration([.security: ["krb5p", "sys"]]).exports[0].rule.security == [.krb5p, .sys])
        let variables = ["REMUDA_EXPORT": "/a", "REMUDA_SECURITY": "krb5i,krb5"]
        let export = try ServerConfiguration(flags: [:], environment: variables, file: nil).exports[0]
        #expect(export.rule.security == [.krb5i, .krb5])
        #expect(export.allowedNetworks.allSatisfy { $0.rule == export.rule })
        let mixed = try configuration(yaml: "security: krb5\nexport: [{path: /a, security: none}, /b]")
        #expect(mixed.exports.map(\.rule.security) == [[.none], [.krb5]])
    }

    @Test(
        "What is no network is refused",
        arguments: [
            "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0/8", "::/129", "a/8", "10.0.0.0/8/8", "fe80::1%lo/64",
            "10.0.0.0/ 8",
        ])
    func noNetwork(text: String) {
        #expect(throws: ConfigurationError("network must be a network such as 10.0.0.0/8 or fd00::/8, not \"\(text)\"")) {
            try network(text)
        }
    }

    @Test("Bits behind the prefix are refused with both ways out")
    func bitsBehindPrefix() {
        #expect(
            throws: ConfigurationError(
                "network has bits set behind its prefix: write 10.0.0.0/8 for the network or 10.1.2.3 for the host, not \"10.1.2.3/8\"")
        ) {
            try network("10.1.2.3/8")
        }
        #expect(throws: ConfigurationError.self) { try network("0.0.0.1/0") }
        #expect(throws: ConfigurationError.self) { try network("fd00::1/127") }
    }

    @Test("Addresses are 4 or 16 bytes, a mapped one is the IPv4 address")
    func bytes() {
        #expect(IPAddress(bytes: [10, 1, 2, 3]) == IPAddress("10.1.2.3"))
        #expect(IPAddress(bytes: [UInt8](repeating: 0, count: 15) + [1]) == IPAddress("::1"))
        #expect(IPAddress(bytes: [UInt8](repeating: 0, count: 10) + [255, 255, 10, 1, 2, 3]) == IPAddress("10.1.2.3"))
        for count in [0, 3, 5, 15, 17, 1000] {
            #expect(IPAddress(bytes: [UInt8](repeating: 1, count: count)) == nil)
        }
        #expect(IPAddress(bytes: [10, 1, 2, 3])?.bytes == [10, 1, 2, 3])
    }

    @Test(
        "A listen address is a numeric address and a port",
        arguments: [
            ("0.0.0.0:2049", "0.0.0.0:2049"), ("[::]:2049", "[::]:2049"), ("[FD00:0::1]:0", "[fd00::1]:0"),
            ("127.0.0.1:65535", "127.0.0.1:65535"),
        ])
    func listen(text: String, written: String) throws {
        #expect(try listenAddress(text).description == written)
    }

    @Test(
        "What is no listen address is refused",
        arguments: [
            "", ":", ":2049", "2049", "0.0.0.0", "0.0.0.0:", "0.0.0.0:65536", "0.0.0.0:-1", "localhost:2049", "::1:2049", "[0.0.0.0:1",
            "[::1]", "0.0.0.0:nfs",
        ])
    func noListenAddress(text: String) {
        #expect(
            throws: ConfigurationError("listen must be a numeric address and a port such as 0.0.0.0:2049 or [::]:2049, not \"\(text)\"")
        ) {
            try listenAddress(text)
        }
    }
}
