import Foundation
import NFSDaemon
import NFSServer
import Testing

/// What a file of NFS-Ganesha with this text comes to.
private func ganesha(
    _ text: String, _ others: [String: String] = [:], environment: [String: String] = [:]
) throws -> (configuration: ServerConfiguration, logDestination: String?) {
    let directory = try TemporaryDirectory()
    for (name, text) in others { _ = try directory.file(text, named: name) }
    return try ServerConfiguration.ofGanesha(file: directory.file(text, named: "ganesha.conf"), environment: environment)
}

private func mistakes(_ text: String, _ others: [String: String] = [:]) -> [String] {
    problems { try ganesha(text, others).configuration }
}

/// What is warned of, without the directory of the file.
private func warnings(_ text: String) throws -> [String] {
    try ganesha(text).configuration.warnings.map { $0.replacing(#/\/\S*\/configuration-[0-9A-F-]+\//#, with: "") }
}

/// An export with these parameters and blocks besides what every export needs.
private func export(_ more: String = "", id: Int = 1) -> String {
    "EXPORT { Export_Id = \(id); Path = /data\(id); Pseudo = /vol\(id); FSAL { Name = VFS; } \(more) }\n"
}

@Suite("A configuration of NFS-Ganesha")
struct GaneshaTests {
    /// As share-manager.md of Longhorn's contract has it, white space and comments included.
    static let longhorn = """

        NFS_Core_Param
        {
            NLM_Port = 0;
            MNT_Port = 0;
            RQUOTA_Port = 0;
            Enable_NLM = false;
            Enable_RQUOTA = false;
            Enable_UDP = false;   
            fsid_device = false;
            Protocols = 4;
        }

        LOG {
        \tDefault_Log_Level = INFO;

        # \tCOMPONENTS { NFS_V4 = FULL_DEBUG; }

        \tFacility {
        \t\tname = FILE;
        \t\tdestination = "/proc/1/fd/1";
        \t\tenable = active;
        \t}
        }

        NFSV4
        {
            Lease_Lifetime = 20;
            Grace_Period = 30;
            Minor_Versions = 0, 1, 2;
            RecoveryBackend = longhorn;
            Only_Numeric_Owners = true;
        }

        Export_defaults
        {
            Protocols = 4;
            Transports = TCP;
            Access_Type = None;
            SecType = sys;
            Squash = None;
        }

        #EXPORT
        #{
        #    Path = /export;
        #}

        EXPORT
        {
        \tExport_Id = 1;#Volume=pvc-1
        \tPath = /export/pvc-1;
        \tPseudo = /pvc-1;
        \tProtocols = 4;
        \tTransports = TCP;
        \tAccess_Type = RW;
        \tSquash = None;
        \tSecType = sys;
        \tFilesystem_id = 1.0;
        \tFSAL {
        \t\tName = VFS;
        \t}
        }

        """

    @Test("What Longhorn writes is understood to the last word")
    func longhorn() throws {
        let (configuration, logDestination) = try ganesha(Self.longhorn)
        #expect(configuration.warnings.isEmpty)
        #expect(logDestination == "/proc/1/fd/1")
        #expect(configuration.logLevel == .info)
        #expect((configuration.lease, configuration.grace) == (.seconds(20), .seconds(30)))
        #expect(configuration.recoveryURL == "http://longhorn-recovery-backend:9503/v1/recoverybackend")
        #expect(!configuration.sendsOwnerNames)
        #expect(configuration.listen.map(\.description) == ["0.0.0.0:2049"])
        let export = try #require(configuration.exports.first)
        #expect(configuration.exports.count == 1)
        #expect((export.path, export.pseudoPath) == ("/export/pvc-1", "/pvc-1"))
        #expect(export.rule.security == [.sys])
        #expect(export.rule.squash == .none)
        #expect(!export.rule.isReadOnly)
        #expect(export.allowedNetworks.map(\.network) == Network.everyone)
    }

    @Test("The environment outranks the file, and says what it has no words for")
    func environment() throws {
        let environment = ["REMUDA_RECOVERY_URL": "http://own:1", "REMUDA_LEASE": "25", "REMUDA_METRICS_ADDRESS": "127.0.0.1:24200"]
        let configuration = try ganesha(Self.longhorn, environment: environment).configuration
        #expect(configuration.recoveryURL == "http://own:1")
        #expect(configuration.lease == .seconds(25))
        #expect(configuration.metricsAddress?.port == 24200)
    }

    @Test("Without an export it may start only where the client records are elsewhere")
    func noExport() throws {
        #expect(mistakes("") == ["nothing to export: add an EXPORT block, or set REMUDA_STATE_DIR to start without one"])
        #expect(try ganesha("", environment: ["REMUDA_STATE_DIR": "/state"]).configuration.exports.isEmpty)
    }

    @Test("All that has a meaning here is taken over")
    func everything() throws {
        let (configuration, logDestination) = try ganesha(
            """
            nfs_core_param { nfs_port = 020000; BIND_ADDR = ::1; Protocols = NFSv3, nfsv4; RPC_Max_Connections = 0x10; }
            NFSv4 {
                Lease_Lifetime = 20; RecoveryBackend = fs_ng; RecoveryRoot = "/var/lib/nfs/ganesha"; DomainName = example.org;
                Enforce_UTF8_Validation = yes; Max_Client_Ids = 50; Graceless = No;
            }
            NFS_KRB5 { PrincipalName = nfs/server.example.org; KeytabPath = /etc/keys; Active_krb5 = true; }
            LOG { Default_log_level = WARN; COMPONENTS { FSAL = DEBUG; ALL = m_dbg; } FACILITY { destination = '/idle'; } FORMAT { PID = no; } }
            MDCACHE { Entries_HWMark = 5; }
            EXPORT_DEFAULTS { Access_Type = RO; Manage_Gids = true; SecType = none, sys, krb5p; Anonymous_uid = ~0xff; }
            EXPORT { Export_Id = 77; Path = "/srv/a b"; Pseudo = /a; Access_Type = rw; Squash = All_Squash; FSAL { name = vfs; } }
            EXPORT { Export_Id = 78; Path = /srv/b; Pseudo = /b; SecType = krb5; FSAL { Name = XFS; } }
            """)
        #expect(configuration.warnings.isEmpty)
        #expect(logDestination == nil)
        #expect(configuration.listen.map(\.description) == ["[::1]:8192"])
        #expect(configuration.limits.connections == 16)
        #expect(configuration.limits.clients == 50)
        #expect(configuration.stateDirectory == "/var/lib/nfs/ganesha/remuda")
        #expect(configuration.recoveryURL == nil)
        #expect(configuration.ownerDomain == "example.org")
        #expect(configuration.sendsOwnerNames)
        #expect(configuration.keytab == "/etc/keys")
        #expect(configuration.servicePrincipal == "nfs/server.example.org")
        #expect(configuration.logLevel == .debug)
        #expect(configuration.managesGroups)
        #expect(configuration.exports.map(\.path) == ["/srv/a b", "/srv/b"])
        #expect(configuration.exports.map(\.takesUTF8Only) == [true, true])
        let (first, second) = (configuration.exports[0].rule, configuration.exports[1].rule)
        #expect(first.squash == .all)
        #expect(!first.isReadOnly)
        #expect(first.anonymous.uid == 0xffff_ff00)
        #expect(first.anonymous.gid == 0xffff_fffe)
        #expect(first.security == [.krb5p, .sys, .none])
        #expect(second.squash == .root)
        #expect(second.isReadOnly)
        #expect(second.security == [.krb5])
    }

    @Test("Files and directories are included, where they stand and relative to the file that names them")
    func includes() throws {
        let others = ["more.conf": "Grace_Period = 45;\n%include 'deeper.conf'\n", "deeper.conf": "Lease_Lifetime = 15;"]
        let configuration = try ganesha("NFSV4 { %include more.conf\n }\n" + export("Access_Type = RW;"), others).configuration
        #expect((configuration.lease, configuration.grace) == (.seconds(15), .seconds(45)))
        let directory = try TemporaryDirectory()
        let inner = try directory.directory("exports")
        for id in 1...2 { try Data(export("Access_Type = RW;", id: id).utf8).write(to: URL(filePath: "\(inner)/\(id).conf")) }
        let file = try directory.file("%dir exports\n", named: "ganesha.conf")
        #expect(try ServerConfiguration.ofGanesha(file: file, environment: [:]).configuration.exports.map(\.path) == ["/data1", "/data2"])
    }

    @Test(
        "Of CLIENT blocks the first that holds an address counts, and the export behind them all",
        arguments: [
            ("10.1.2.3", "10.1.0.0/16 none"), ("10.2.0.1", "refused"), ("10.3.0.1", "10.3.0.0/16 all"), ("10.200.0.1", "10.128.0.0/9 all"),
            ("192.0.2.7", "192.0.2.7/32 root"), ("192.0.2.8", "0.0.0.0/0 root read-only"), ("fd00::1", "refused"),
            ("fd01::1", "::/0 root read-only"),
        ])
    func clients(address: String, outcome: String) throws {
        let text = export(
            """
            Access_Type = RO;
            CLIENT { Clients = 10.1.0.0/16; Access_Type = RW; Squash = none; }
            CLIENT { Clients = 10.2.0.0/16, fd00::/16; Access_Type = None; }
            CLIENT { Clients = 10.0.0.0/8; Squash = all; Access_Type = RW; }
            CLIENT { Clients = 192.0.2.7, 10.9.0.0/16; Access_Type = RW; }
            CLIENT { Clients = 10.0.0.0/8; Squash = none; }
            """)
        let configuration = try ganesha(text).configuration
        #expect(configuration.warnings.isEmpty)
        let allowed = configuration.exports[0].allowedNetwork(of: try #require(IPAddress(address)))
        let found = allowed.map { "\($0.rule.squash)\($0.rule.isReadOnly ? " read-only" : "")" } ?? "refused"
        let expected = outcome.split(separator: " ", maxSplits: 1).last.map(String.init)
        #expect(found == expected)
        if let allowed, allowed.rule.squash != .root { #expect(outcome.hasPrefix("\(allowed.network)")) }
        if outcome == "refused" { #expect(allowed == nil) }
    }

    @Test("Whom a network is cut around is refused, whatever the sizes")
    func cutNetworks() throws {
        let text = export(
            "CLIENT { Clients = 10.77.3.4; } CLIENT { Clients = 10.64.0.0/10; Access_Type = RO; } CLIENT { Clients = *; Access_Type = RW; }"
        )
        let export = try ganesha(text).configuration.exports[0]
        func rule(_ address: String) throws -> Bool? { export.allowedNetwork(of: try #require(IPAddress(address)))?.rule.isReadOnly }
        #expect(try rule("10.77.3.4") == nil)
        for neighbour in ["10.77.3.5", "10.77.3.3", "10.64.0.0", "10.127.255.255"] { #expect(try rule(neighbour) == true, "\(neighbour)") }
        for other in ["10.63.255.255", "10.128.0.0", "0.0.0.0", "255.255.255.255", "::", "fe80::1"] {
            #expect(try rule(other) == false, "\(other)")
        }
    }

    @Test(
        "What has no meaning here is named with its line",
        arguments: [
            (
                "NFSV4 {\nLeese_Lifetime = 5;\n}",
                #"ganesha.conf:2: NFSV4 "Leese_Lifetime" has no meaning here and is ignored: did you mean Lease_Lifetime?"#
            ),
            (
                "NFS_KRB5 {\n\nGraceless = true; }",
                #"ganesha.conf:3: NFS_KRB5 "Graceless" has no meaning here and is ignored: known are PrincipalName, KeytabPath, Active_krb5"#
            ),
            (
                "NFSV4 { Graceless = true; }",
                #"ganesha.conf:1: NFSV4 "Graceless" has no meaning here and is ignored: known are Lease_Lifetime, Grace_Period, Minor_Versions, RecoveryBackend, RecoveryRoot, Only_Numeric_Owners, DomainName, Enforce_UTF8_Validation, Max_Client_Ids"#
            ),
            ("EXPROT { }", #"ganesha.conf:1: the block "EXPROT" has no meaning here and is ignored: did you mean EXPORT?"#),
            ("\nLease = 5;", #"ganesha.conf:2: "Lease" stands in no block and is ignored"#),
            (
                "NFSV4 { Lease_Lifetime = 5;\nlease_lifetime = 6; Grace_Period = 60; }",
                "ganesha.conf:2: NFSV4 lease_lifetime replaces that of ganesha.conf:1"
            ),
            ("LOG { FOO { } }", #"ganesha.conf:1: LOG "FOO" has no meaning here and is ignored"#),
        ])
    func ignored(text: String, warning: String) throws {
        #expect(try warnings(export("Access_Type = RW;").replacing("\n", with: "") + "#\n" + text) == [warning.replacingLine(by: 1)])
    }

    @Test(
        "An export that nobody could enter is left out with a warning",
        arguments: [
            ("", "ganesha.conf:1: EXPORT /data1 admits nobody and is not exported: give it an Access_Type"),
            ("Access_Type = RW; Protocols = 3, 9p;", "ganesha.conf:1: EXPORT Protocols does not have 4: /data1 is not exported"),
        ])
    func leftOut(parameters: String, warning: String) throws {
        let text = export(parameters) + export("Access_Type = RW;", id: 2)
        #expect(try warnings(text) == [warning])
        #expect(try ganesha(text).configuration.exports.map(\.path) == ["/data2"])
        let pseudo = "EXPORT { Export_Id = 0; Path = /; Pseudo = /; Access_Type = RW; FSAL { Name = PSEUDO; } }"
        #expect(try ganesha(pseudo + export("Access_Type = RW;")).configuration.exports.map(\.path) == ["/data1"])
    }

    @Test(
        "Mistakes of form end the reading with the line and what to do",
        arguments: [
            ("EXPORT {\n Path = /a;\n", #"ganesha.conf:1: the block "EXPORT" has no end: add }"#),
            ("EXPORT { }\n}", "ganesha.conf:2: there is no block to end here: remove the }"),
            ("EXPORT {\nPath = /a\nPseudo = /b; }", #"ganesha.conf:2: behind the value "/a" of Path must follow ; or a comma"#),
            ("EXPORT { Path = ; }", #"ganesha.conf:1: Path needs a value here, not ";""#),
            ("EXPORT { Path = /a,", "ganesha.conf:1: Path needs a value here, not the end of the file"),
            ("\nEXPORT", #"ganesha.conf:2: behind "EXPORT" must follow = or {, not the end of the file"#),
            ("EXPORT EXPORT { }", #"ganesha.conf:1: behind "EXPORT" must follow = or {, not "EXPORT""#),
            ("= 5;", #"ganesha.conf:1: a name of a block or a parameter must stand here, not "=""#),
            ("EXPORT { Path = \"/a\n\"; }", #"ganesha.conf:1: a string has no end on its line: add ""#),
            ("\n\nEXPORT { Path = '/a", "ganesha.conf:3: a string has no end on its line: add '"),
            (#"EXPORT { Path = "/a\"; }"#, #"ganesha.conf:1: a string has no end on its line: add ""#),
            ("%url rados://a/b", #"ganesha.conf:1: "%url" is not offered: use %include FILE or %dir DIRECTORY"#),
            ("%include", "ganesha.conf:1: %include needs the name of a file, not the end of the file"),
            ("\n%include none.conf", "ganesha.conf:2: configuration file none.conf: No such file or directory"),
            ("%include /dev/zero", "ganesha.conf:1: configuration file /dev/zero: must be a regular file"),
            ("%dir none", "ganesha.conf:1: %dir none cannot be read: name a directory"),
            ("EXPORT { Path = /a\u{0}; }", "configuration file ganesha.conf must be UTF-8 text"),
        ])
    func form(text: String, problem: String) {
        #expect(mistakes(text) == [problem])
    }

    @Test(
        "Mistakes of meaning are told all together",
        arguments: [
            (
                "Lease_Lifetime = soon;",
                #"ganesha.conf:2: NFSV4 Lease_Lifetime must be a whole number of seconds from 1 to 3600, not "soon""#
            ),
            ("Lease_Lifetime = 0;", #"ganesha.conf:2: NFSV4 Lease_Lifetime must be a whole number of seconds from 1 to 3600, not "0""#),
            ("Lease_Lifetime = 1, 2;", "ganesha.conf:2: NFSV4 Lease_Lifetime must be one value, not 2"),
            ("Minor_Versions = 0, 2;", "ganesha.conf:2: NFSV4 Minor_Versions must have 1: this server speaks NFSv4.1 alone"),
            ("RecoveryBackend = rados_ng;", #"ganesha.conf:2: NFSV4 RecoveryBackend must be one of longhorn, fs, fs_ng, not "rados_ng""#),
            ("Enforce_UTF8_Validation = maybe;", #"ganesha.conf:2: NFSV4 Enforce_UTF8_Validation must be true or false, not "maybe""#),
        ])
    func meaning(parameter: String, problem: String) {
        #expect(mistakes(export("Access_Type = RW;") + "NFSV4 { \(parameter) }") == [problem])
    }

    @Test(
        "Mistakes in the core, the log and Kerberos",
        arguments: [
            ("NFS_CORE_PARAM { Protocols = 3; }", "ganesha.conf:2: NFS_CORE_PARAM Protocols must have 4: this server speaks NFSv4 alone"),
            ("NFS_CORE_PARAM { Protocols = 5; }", #"ganesha.conf:2: NFS_CORE_PARAM Protocols must be one of 4, 3, 9p, not "5""#),
            (
                "NFS_CORE_PARAM { Bind_addr = eth0; }",
                #"ganesha.conf:2: NFS_CORE_PARAM Bind_addr must be a numeric address such as 0.0.0.0 or ::, not "eth0""#
            ),
            (
                "NFS_CORE_PARAM { NFS_Port = 99999; }",
                #"ganesha.conf:2: NFS_CORE_PARAM NFS_Port must be a numeric address and a port such as 0.0.0.0:2049 or [::]:2049, not "0.0.0.0:99999""#
            ),
            (
                "LOG { Default_log_level = LOUD; }",
                #"ganesha.conf:2: LOG Default_log_level must be one of null, fatal, maj, crit, warn, event, info, debug, mid_debug, full_debug, not "LOUD""#
            ),
            (
                "NFS_KRB5 { KeytabPath = /k; PrincipalName = host/a; }",
                #"ganesha.conf:2: NFS_KRB5 PrincipalName must be a principal such as nfs/host.example.org: clients ask for the service nfs, not "host/a""#
            ),
        ])
    func otherBlocks(text: String, problem: String) {
        #expect(mistakes(export("Access_Type = RW;") + text) == [problem])
    }

    @Test(
        "Mistakes in an export",
        arguments: [
            ("Export_Id = 1; Pseudo = /a;", #"ganesha.conf:1: EXPORT has no Path: add "Path = DIRECTORY;""#),
            ("Path = /a; Pseudo = /a;", "ganesha.conf:1: EXPORT has no Export_Id: add one"),
            ("Path = /a; Export_Id = 65536;", #"ganesha.conf:1: EXPORT Export_Id must be a whole number from 0 to 65535, not "65536""#),
            ("Path = /a; Export_Id = 1;", #"ganesha.conf:1: EXPORT has no Pseudo: add "Pseudo = PATH;", the path clients mount it by"#),
            ("Path = /a; Export_Id = 1; Pseudo = /a;", #"ganesha.conf:1: EXPORT has no FSAL: add "FSAL { Name = VFS; }""#),
            (
                "Path = /a; Export_Id = 1; Pseudo = /a; FSAL { Name = CEPH; }",
                #"ganesha.conf:1: EXPORT FSAL Name must be one of vfs, xfs, pseudo, not "CEPH""#
            ),
            (
                "Path = a; Export_Id = 1; Pseudo = /a; FSAL { Name = VFS; }",
                #"ganesha.conf:1: EXPORT Path must be an absolute path without . and .. in it, not "a""#
            ),
            (
                "Path = /a; Export_Id = 1; Access_Type = MDONLY;",
                #"ganesha.conf:1: EXPORT Access_Type must be one of rw, ro, none, not "MDONLY""#
            ),
            ("Path = /a; Export_Id = 1; Squash = some;", #"ganesha.conf:1: EXPORT Squash must be one of none, root, all, not "some""#),
            (
                "Path = /a; Export_Id = 1; SecType = kerberos;",
                #"ganesha.conf:1: EXPORT SecType must be one of none, sys, krb5, krb5i, krb5p, not "kerberos""#
            ),
            (
                "Path = /a; Export_Id = 1; Anonymous_uid = -1;",
                #"ganesha.conf:1: EXPORT Anonymous_uid must be a whole number from -2147483648 to 4294967294 other than -1, not "-1""#
            ),
            ("Path = /a; Export_Id = 1; Transports = UDP;", "ganesha.conf:1: EXPORT Transports must have TCP: this server has no other"),
            (
                "Path = /a; Export_Id = 1; PrivilegedPort = true;",
                "ganesha.conf:1: EXPORT PrivilegedPort is not offered: set it to false, and say in Clients who may come"
            ),
            (
                "Path = /a; Export_Id = 1; Pseudo = /a; FSAL { Name = VFS; } CLIENT { Squash = all; }",
                #"ganesha.conf:1: CLIENT has no Clients: add "Clients = NETWORK;""#
            ),
            (
                "Path = /a; Export_Id = 1; Pseudo = /a; FSAL { Name = VFS; } CLIENT { Clients = @hosts; }",
                #"ganesha.conf:1: EXPORT CLIENT Clients must be *, an address or a network such as 10.0.0.0/8, as names and netgroups are not looked up, not "@hosts""#
            ),
        ])
    func exportMistakes(parameters: String, problem: String) {
        #expect(mistakes("EXPORT { \(parameters) }") == [problem])
    }

    @Test("Two exports cannot have one number, nor one pseudo path")
    func sameNumber() {
        let one = export("Access_Type = RW;")
        #expect(
            mistakes(one + one) == ["ganesha.conf:2: EXPORT Export_Id 1 is that of the export at ganesha.conf:1 already: give one another"]
        )
        #expect(
            mistakes(one + one.replacing("Export_Id = 1", with: "Export_Id = 2")) == [
                "exports /data1 and /data1 have the same pseudo path /vol1: give one another"
            ])
    }

    @Test("Hostile files end with an error and in bounded time")
    func hostile() throws {
        let deep = String(repeating: "A {", count: 100_000)
        #expect(mistakes(deep) == [#"ganesha.conf:1: "A" is too deep inside other blocks: at most 16"#])
        #expect(mistakes(String(repeating: "#", count: (4 << 20) + 1)) == ["configuration file ganesha.conf: must have no more than 4MiB"])
        #expect(mistakes("%include ganesha.conf") == ["ganesha.conf:1: ganesha.conf includes itself: remove the %include"])
        #expect(
            mistakes("%include b.conf", ["b.conf": "\n%include ./ganesha.conf"]) == [
                "b.conf:2: ./ganesha.conf includes itself: remove the %include"
            ])
        let many = String(repeating: "%include b.conf\n", count: 300)
        #expect(
            mistakes(many, ["b.conf": ""]) == ["ganesha.conf:256: b.conf is one file too many: include at most 256, and 16 in each other"])
        let endless = String(repeating: "a,", count: 200_000)
        #expect(mistakes("A { B = \(endless)").first?.hasPrefix("ganesha.conf:1: B needs a value here") == true)
        // Whatever is cut off or changed: an error or a configuration, never a trap.
        let bytes = Array(Self.longhorn.utf8)
        for end in stride(from: 0, to: bytes.count, by: 41) {
            _ = mistakes(String(decoding: bytes[..<end], as: UTF8.self))
            var changed = bytes
            changed[end] = [UInt8(ascii: "{"), UInt8(ascii: "\""), UInt8(ascii: ";"), UInt8(ascii: "%"), UInt8(ascii: "~")][end % 5]
            _ = mistakes(String(decoding: changed, as: UTF8.self))
        }
    }
}

extension String {
    /// A warning of the file's second part, whose lines count from the line behind `count` others.
    fileprivate func replacingLine(by count: Int) -> String {
        replacing(#/ganesha\.conf:(\d+)/#) { "ganesha.conf:\(Int($0.1)! + count)" }
    }
}
