import NFSDaemon
import Testing

/// Each mistake is one line that names the place and says what to do.
@Suite("Mistakes in the configuration")
struct ConfigurationMistakeTests {
    @Test(
        "in the file",
        arguments: [
            ("lesae: 5", #"server.yaml:2: unknown key "lesae": did you mean lease?"#),
            ("recovery_url: http://h", #"server.yaml:2: unknown key "recovery_url": did you mean recovery-url?"#),
            ("lease: sixty", #"server.yaml:2: lease must be a whole number of seconds from 1 to 3600, not "sixty""#),
            ("lease: 0", #"server.yaml:2: lease must be a whole number of seconds from 1 to 3600, not "0""#),
            ("lease: 3601", #"server.yaml:2: lease must be a whole number of seconds from 1 to 3600, not "3601""#),
            ("lease: 1.5", #"server.yaml:2: lease must be a whole number of seconds from 1 to 3600, not "1.5""#),
            (
                "lease: 99999999999999999999",
                #"server.yaml:2: lease must be a whole number of seconds from 1 to 3600, not "99999999999999999999""#
            ),
            ("lease: [60]", "server.yaml:2: lease must be one value, not a list"),
            ("lease: {seconds: 60}", "server.yaml:2: lease must be one value, not a mapping"),
            ("lease:", "server.yaml:2: lease has no value: write one after the colon or remove the line"),
            ("listen: []", "server.yaml:2: listen is an empty list: list something or remove the line"),
            ("listen: [{a: b}]", "server.yaml:2: listen must be one value, not a mapping"),
            ("rpcbind: maybe", #"server.yaml:2: rpcbind must be true or false, not "maybe""#),
            ("owner-domain: ex ample", #"server.yaml:2: owner-domain must be a DNS domain such as example.org, not "ex ample""#),
            (
                "keytab: /k\nservice-principal: host/a",
                #"server.yaml:3: service-principal must be a principal such as nfs/host.example.org: clients ask for the service nfs, not "host/a""#
            ),
            ("service-principal: nfs/a", "server.yaml:2: service-principal needs keytab: name the file with its keys"),
            ("owner-names: on", "server.yaml:2: owner-names needs owner-domain: say what domain the names are of"),
            ("log-format: xml", #"server.yaml:2: log-format must be one of text, json, not "xml""#),
            (
                "log-level: loud",
                #"server.yaml:2: log-level must be one of trace, debug, info, notice, warning, error, critical, not "loud""#
            ),
            (
                "hostname: a/b",
                #"server.yaml:2: hostname must be 1 to 253 letters, digits, dots, underscores and hyphens, the first not a dot, not "a/b""#
            ),
            ("max-transfer: 5000", #"server.yaml:2: max-transfer must be a multiple of 4KiB, not "5000""#),
            (
                "max-transfer: 32MiB",
                #"server.yaml:2: max-transfer must be a whole number of bytes, KiB, MiB or GiB from 4KiB to 16MiB, not "32MiB""#
            ),
            ("lease: 6\nlease: 7", "server.yaml:2:1: lease is given twice: keep one"),
            ("lease: [6", "server.yaml:3:1: not valid YAML: did not find expected ',' or ']'"),
            ("lease: *missing", "server.yaml:2:8: not valid YAML: found undefined alias"),
            ("---\nlease: 6", "server.yaml:2:1: not valid YAML: but found another document"),
            ("admin-socket: run/socket", #"server.yaml:2: admin-socket must be an absolute path without . and .. in it, not "run/socket""#),
            ("\"lea\\nse\": 5", #"server.yaml:2: unknown key "lea\nse": did you mean lease?"#),
        ])
    func file(line: String, problem: String) {
        #expect(problems { try configuration(yaml: "export: /data\n\(line)\n") } == [problem])
    }

    @Test(
        "in an export of the file",
        arguments: [
            ("pseudo: /a", #"server.yaml:2: export has no path: add "path: DIRECTORY""#),
            ("path: data", #"server.yaml:2: export path must be an absolute path without . and .. in it, not "data""#),
            ("path: /data/../etc", #"server.yaml:2: export path must be an absolute path without . and .. in it, not "/data/../etc""#),
            ("path: /a, pseudo: vol", #"server.yaml:2: export pseudo must be an absolute path without . and .. in it, not "vol""#),
            ("path: /a, pseudo: /a/..", #"server.yaml:2: export pseudo must be an absolute path without . and .. in it, not "/a/..""#),
            ("path: /a, pseudo: [/b]", "server.yaml:2: export pseudo must be one value, not a list"),
            (
                "path: /",
                #"server.yaml:2: export path needs a pseudo path to mount it by, such as /:/root, when the directory has no name, not "/""#
            ),
            ("path: /a, squash: some", #"server.yaml:2: export squash must be one of none, root, all, not "some""#),
            ("path: /a, anonymous-uid: -1", #"server.yaml:2: export anonymous-uid must be a whole number from 0 to 4294967294, not "-1""#),
            ("path: /a, readonly: true", #"server.yaml:2: unknown key "readonly": did you mean read-only?"#),
            (
                "path: /a, volume: b",
                #"server.yaml:2: unknown key "volume": known are path, pseudo, read-only, squash, anonymous-uid, anonymous-gid, security, unknown-principals, machine-root, allowed-networks, denied-networks, sync, cross-mounts, utf8-only, allow-unmounted"#
            ),
            (
                "path: /a, security: kerberos",
                #"server.yaml:2: export security must be one of none, sys, krb5, krb5i, krb5p, not "kerberos""#
            ),
            (
                "path: /a, unknown-principals: ignore",
                #"server.yaml:2: export unknown-principals must be one of anonymous, refuse, not "ignore""#
            ),
            ("path: /a, machine-root: some", #"server.yaml:2: export machine-root must be true or false, not "some""#),
            ("path: /a, security: []", "server.yaml:2: export security is an empty list: list something or remove the line"),
            ("path: /a, security: [sys, krb5, sys]", "server.yaml:2: export security has sys twice: keep one"),
            (
                "path: /a, allowed-networks: [{read-only: true}]",
                #"server.yaml:2: export allowed-networks has no network: add "network: ADDRESS/LENGTH""#
            ),
            (
                "path: /a, allowed-networks: [10.0.0.0/8, {network: 10.0.0.0/8, squash: all}]",
                "server.yaml:2: export allowed-networks has 10.0.0.0/8 twice: keep one"
            ),
            (
                "path: /a, allowed-networks: [10.0.0.0/8], denied-networks: [10.0.0.0/8]",
                "server.yaml:2: export denied-networks has 10.0.0.0/8, which is allowed too: keep one"
            ),
            (
                "path: /a, denied-networks: [10.0.0.0/8, 10.0.0.0/8]",
                "server.yaml:2: export denied-networks has 10.0.0.0/8 twice: keep one"
            ),
            (
                "path: /a, allowed-networks: [{network: 10.0.0.0/8, sync: true}]",
                #"server.yaml:2: unknown key "sync": known are network, read-only, squash, anonymous-uid, anonymous-gid, security, unknown-principals, machine-root"#
            ),
            (
                "path: /a, allowed-networks: [{network: 10.0.0.0/8, squash: some}]",
                #"server.yaml:2: export allowed-networks squash must be one of none, root, all, not "some""#
            ),
            (
                "path: /a, allowed-networks: [[10.0.0.0/8]]", "server.yaml:2: export allowed-networks must be one value, not a list"
            ),
            (
                "path: /a, allowed-networks: [10.0.0.0/33]",
                #"server.yaml:2: export allowed-networks must be a network such as 10.0.0.0/8 or fd00::/8, not "10.0.0.0/33""#
            ),
            (
                "path: /a, allowed-networks: []",
                "server.yaml:2: export allowed-networks is an empty list: list something or remove the line"
            ),
        ])
    func export(pairs: String, problem: String) {
        #expect(problems { try configuration(yaml: "export:\n  - {\(pairs)}\n") } == [problem])
    }

    @Test("of a flag and a variable are told by their names")
    func origins() {
        #expect(problems { try configuration([.lease: ["x"]]) } == [#"--lease must be a whole number of seconds from 1 to 3600, not "x""#])
        #expect(
            problems { try ServerConfiguration(flags: [:], environment: ["REMUDA_EXPORT": "/a:b"], file: nil) }
                == [#"REMUDA_EXPORT pseudo path must be an absolute path without . and .. in it, not "b""#])
        #expect(
            problems { try configuration([.export: ["/a:"]]) }
                == [#"--export pseudo path must be an absolute path without . and .. in it, not """#])
    }

    @Test("are all told at once")
    func several() throws {
        let found = problems { try configuration(yaml: "export:\n  - /a:b\n  - {path: c}\nlease: x\nleese: 1\nlisten: [1, \"2\"]\n") }
        // The shape of the file first, then the settings in their order.
        let lines = found.compactMap { $0.split(separator: ":").dropFirst().first }
        #expect(lines == ["2", "3", "5", "6", "6", "4"])
    }

    @Test(
        "when the file is no configuration",
        arguments: [
            ("- a\n- b\n", #"server.yaml must hold lines of the form "name: value""#),
            ("text", #"server.yaml must hold lines of the form "name: value""#),
        ])
    func shape(text: String, problem: String) {
        #expect(problems { try configuration(yaml: text) } == [problem])
    }

    @Test("when there is nothing to export", arguments: ["", "# nothing\n", "---\n", "lease: 5\n"])
    func nothingToExport(text: String) {
        #expect(
            problems { try configuration(yaml: text) }
                == ["nothing to export: give --export DIR, set REMUDA_EXPORT, or list export in the configuration file"])
    }

    @Test("when the file is not there or no file")
    func missingFile() throws {
        let directory = try TemporaryDirectory()
        #expect(
            problems { try ServerConfiguration(flags: [:], environment: [:], file: directory.path + "/none.yaml") }
                == ["configuration file none.yaml: No such file or directory"])
        let found = problems { try ServerConfiguration(flags: [:], environment: [:], file: directory.path) }
        #expect(found.count == 1 && found[0].hasSuffix("cannot be read: it must be a regular file of UTF-8 text"))
    }

    @Test(
        "in pseudo paths that name two things",
        arguments: [
            (["/a/v", "/b/v"], "exports /a/v and /b/v have the same pseudo path /v: give one another"),
            (["/a:/v", "/b:/v/w"], "pseudo paths /v and /v/w lie inside each other: give one another"),
            (["/a:/v/w", "/b:/"], "pseudo paths /v/w and / lie inside each other: give one another"),
        ])
    func collidingPseudoPaths(exports: [String], problem: String) {
        #expect(problems { try configuration([.export: exports]) } == [problem])
    }

    @Test("in pseudo paths is not one name beginning like another")
    func pseudoPathsAlike() throws {
        #expect(try configuration([.export: ["/a:/vol", "/b:/volume"]]).exports.count == 2)
    }

    @Test(
        "in the URL of the recovery backend",
        arguments: ["host:9503", "ftp://host/", "http://", "http:///v1", "http://h/?q", "http://u@h/", "/v1", ""])
    func recoveryURL(text: String) {
        #expect(
            problems { try configuration([.recoveryURL: [text]]) }
                == ["--recovery-url must be a URL such as http://recovery-backend:9503/v1/recoverybackend, not \"\(text)\""])
    }

    @Test("when one address is given twice, but port 0 is a new one each time")
    func listenTwice() throws {
        #expect(
            problems { try configuration([.listen: ["[::1]:7", "[0:0::1]:7"]]) } == ["listen address [::1]:7 is given twice: keep one"])
        #expect(try configuration([.listen: ["127.0.0.1:0", "127.0.0.1:0"]]).listen.count == 2)
    }

    @Test("when the buffers cannot hold a request and its reply")
    func bufferMemory() {
        #expect(
            problems { try configuration([.bufferMemory: ["2MiB"]]) }
                == ["buffer-memory 2MiB has no room for one request and one reply: give at least 2304KiB or lower max-transfer"])
    }

    @Test("in the path of the admin socket, when it does not fit into a socket address")
    func longAdminSocket() throws {
        #expect(try configuration([.adminSocket: ["/" + String(repeating: "a", count: 106)]]).adminSocket?.utf8.count == 107)
        #expect(problems { try configuration([.adminSocket: ["/" + String(repeating: "a", count: 107)]]) }.count == 1)
    }

    @Test("in a name that no directory can have")
    func longName() throws {
        #expect(try configuration([.export: ["/" + String(repeating: "a", count: 255)]]).exports.count == 1)
        #expect(problems { try configuration([.export: ["/" + String(repeating: "a", count: 256)]]) }.count == 1)
    }
}
