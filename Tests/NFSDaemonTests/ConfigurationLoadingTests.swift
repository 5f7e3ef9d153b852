import Foundation
import NFSDaemon
import RecoveryBackend
import Testing

@Suite("Loading the configuration")
struct ConfigurationLoadingTests {
    @Test("An export alone is enough, everything else has its default")
    func defaults() throws {
        let configuration = try configuration([.export: ["/srv/volume"]])
        #expect(configuration.exports.map(\.path) == ["/srv/volume"])
        #expect(configuration.exports.map(\.pseudoPath) == ["/volume"])
        #expect(configuration.exports[0].rule.squash == .none)
        #expect(configuration.exports[0].rule.anonymous.uid == 65534)
        #expect(configuration.exports[0].rule.anonymous.gid == 65534)
        #expect(configuration.exports[0].isSynchronous)
        #expect(!configuration.exports[0].rule.isReadOnly)
        #expect(!configuration.exports[0].allowsUnmounted)
        #expect(configuration.listen.map(\.description) == ["0.0.0.0:2049"])
        #expect(configuration.lease == .seconds(60))
        #expect(configuration.grace == .seconds(90))
        #expect(configuration.hostname == ProcessInfo.processInfo.hostName)
        #expect(configuration.loops == ProcessInfo.processInfo.activeProcessorCount)
        #expect(configuration.adminSocket == nil)
        #expect(!configuration.registersWithRPCBind)
        #expect(configuration.ownerDomain == nil)
        #expect(!configuration.sendsOwnerNames)
        #expect(configuration.keytab == nil)
        #expect(configuration.servicePrincipal == nil)
        #expect(configuration.limits.transfer == 1 << 20)
        #expect(configuration.logLevel == .info)
        #expect(configuration.logFormat == .text)
        #expect(configuration.warnings.isEmpty)
    }

    @Test("Flags outrank the environment, which outranks the file, which outranks the defaults")
    func precedence() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("export: /file\nlease: 11\ngrace: 21\nworkers: 31\nlisten: 10.0.0.1:1\n")
        let environment = [
            "REMUDA_LEASE": "12", "REMUDA_GRACE": "22", "REMUDA_EXPORT": "/a:/x, /b", "REMUDA_LISTEN": "10.0.0.2:2",
        ]
        let flags: [Setting: [String]] = [.lease: ["13"], .listen: ["10.0.0.3:3", "[::1]:4"]]
        let configuration = try ServerConfiguration(flags: flags, environment: environment, file: file)
        #expect(configuration.lease == .seconds(13))
        #expect(configuration.grace == .seconds(22))
        #expect(configuration.workers == 31)
        #expect(configuration.limits.clients == 4096)
        #expect(configuration.exports.map(\.pseudoPath) == ["/x", "/b"])
        #expect(configuration.listen.map(\.description) == ["10.0.0.3:3", "[::1]:4"])
    }

    @Test("A false flag outranks a true in the file")
    func falseFlag() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("export: /data\nrpcbind: true\nallow-unmounted: on\n")
        let loaded = try ServerConfiguration(flags: [.rpcbind: ["false"]], environment: [:], file: file)
        #expect(!loaded.registersWithRPCBind)
        #expect(loaded.exports[0].allowsUnmounted)
    }

    @Test("Every setting can be given by its name in the environment", arguments: Setting.allCases)
    func environmentName(of setting: Setting) throws {
        let good: [Setting: String] = [
            .export: "/env", .listen: "127.0.0.1:7", .recoveryURL: "http://h:1/v1", .stateDirectory: "/env", .hostname: "env",
            .adminSocket: "/env/socket", .rpcbind: "true", .ownerDomain: "example.org", .ownerNames: "true", .manageGroups: "true",
            .allowUnmounted: "true",
            .security: "krb5p,sys", .graceIO: "safe", .metricsAddress: "127.0.0.1:7", .maximumTransfer: "64KiB", .bufferMemory: "64MiB",
            .logLevel: "debug", .logFormat: "json", .deadHostsCommand: "/env",
            .recoveryTokenFile: "/env", .recoveryAuthority: "/env", .recoveryCertificate: "/env", .recoveryKey: "/env",
            .keytab: "/env", .servicePrincipal: "nfs/env",
        ]
        let base = try ServerConfiguration(flags: [:], environment: ["REMUDA_EXPORT": "/data"], file: nil)
        var environment = ["REMUDA_EXPORT": "/data"].merging([setting.variable: good[setting] ?? "77"]) { $1 }
        if setting == .ownerNames { environment[Setting.ownerDomain.variable] = "example.org" }
        if setting == .servicePrincipal { environment[Setting.keytab.variable] = "/keytab" }
        let changed = try ServerConfiguration(flags: [:], environment: environment, file: nil)
        #expect(changed != base)
        #expect(changed.warnings.isEmpty)
    }

    @Test("An empty variable counts as not set, in every role")
    func emptyVariable() throws {
        let environment = ["REMUDA_LEASE": "", "REMUDA_CONFIG": "", "REMUDA_EXPORT": "/data", "REMUDA_RECOVERY_URL": ""]
        #expect(try ServerConfiguration(flags: [:], environment: environment, file: nil).lease == .seconds(60))
    }

    @Test("REMUDA_CONFIG names the file unless a flag does")
    func fileVariable() throws {
        let directory = try TemporaryDirectory()
        let first = try directory.file("export: /first", named: "first.yaml")
        let second = try directory.file("export: /second", named: "second.yaml")
        let environment = ["REMUDA_CONFIG": first]
        #expect(try ServerConfiguration(flags: [:], environment: environment, file: nil).exports[0].path == "/first")
        #expect(try ServerConfiguration(flags: [:], environment: environment, file: second).exports[0].path == "/second")
    }

    @Test("A variable that is no setting is a warning, a grace shorter than the lease too")
    func warnings() throws {
        let environment = ["REMUDA_EXPORT": "/data", "REMUDA_LEESE": "5", "REMUDA_GRACE": "30"]
        let warnings = try ServerConfiguration(flags: [:], environment: environment, file: nil).warnings
        #expect(warnings.count == 2)
        #expect(warnings[0].hasPrefix("grace (30 s) is shorter than lease (60 s)"))
        #expect(warnings[1] == "REMUDA_LEESE is not a setting and is ignored: did you mean REMUDA_LEASE?")
    }

    @Test("A file gives everything an export can have")
    func structuredExports() throws {
        let loaded = try configuration(
            yaml: """
                export:
                  - path: /srv/a/
                    pseudo: /vol//a
                    read-only: yes
                    squash: all
                    anonymous-uid: 1000
                    anonymous-gid: 4294967294
                    allowed-networks: [10.0.0.0/8, "fd00::/8", 192.0.2.7]
                    sync: false
                    cross-mounts: true
                    utf8-only: on
                    allow-unmounted: true
                  - /srv/b
                  - /srv/c:/other
                  - path: /srv/d
                    squash: root
                    allowed-networks: 10.0.0.0/8
                """)
        let first = loaded.exports[0]
        #expect(first.path == "/srv/a")
        #expect(first.pseudoPath == "/vol/a")
        #expect(first.rule.isReadOnly)
        #expect(first.rule.squash == .all)
        #expect(first.rule.anonymous.uid == 1000)
        #expect(first.rule.anonymous.gid == UInt32.max - 1)
        #expect(first.allowedNetworks.map(\.network.description) == ["10.0.0.0/8", "fd00::/8", "192.0.2.7/32"])
        #expect(!first.isSynchronous)
        #expect(first.crossesMounts)
        #expect(first.takesUTF8Only)
        #expect(first.allowsUnmounted)
        #expect(loaded.exports.map(\.pseudoPath) == ["/vol/a", "/b", "/other", "/d"])
        #expect(loaded.exports[3].rule.squash == .root)
        #expect(loaded.exports[3].allowedNetworks.map(\.network.description) == ["10.0.0.0/8"])
        #expect(!loaded.exports[1].crossesMounts && !loaded.exports[1].takesUTF8Only)
        #expect(loaded.exports.map(\.allowsUnmounted) == [true, false, false, false])
    }

    @Test("One export need not be a list")
    func singleExport() throws {
        #expect(try configuration(yaml: "export: /srv/a").exports.map(\.path) == ["/srv/a"])
        #expect(try configuration(yaml: "export: {path: /srv/a}").exports.map(\.path) == ["/srv/a"])
    }

    @Test("Client records are kept on the volume unless a state directory is named, and copied to a recovery backend")
    func recovery() throws {
        let standard = try configuration([:])
        #expect(standard.stateDirectory == nil)
        #expect(standard.recoveryURL == nil)
        #expect(standard.recoveryDeadline == .seconds(2))
        let given = try configuration([
            .recoveryURL: ["http://host:9503/v1/recoverybackend/"], .stateDirectory: ["/state//here/"], .recoveryDeadline: ["7"],
            .recoveryTokenFile: ["/token"], .recoveryAuthority: ["/ca"], .recoveryCertificate: ["/certificate"], .recoveryKey: ["/key"],
            .deadHostsCommand: ["/bin/dead-hosts"],
        ])
        #expect(given.recoveryURL == "http://host:9503/v1/recoverybackend")
        #expect(given.stateDirectory == "/state/here")
        #expect(given.recoveryDeadline == .seconds(7))
        #expect(given.recoveryTokenFile == "/token")
        #expect(given.recoveryTLS == TLSFiles(authority: "/ca", certificate: "/certificate", key: "/key"))
        #expect(given.deadHostsCommand == "/bin/dead-hosts")
        #expect(try configuration([.recoveryURL: ["https://[fd00::1]:9503"]]).recoveryURL == "https://[fd00::1]:9503")
    }

    @Test("Byte counts take KiB, MiB and GiB")
    func byteCounts() throws {
        let limits = try configuration([.maximumTransfer: ["4194304"], .bufferMemory: ["2GiB"]]).limits
        #expect(limits.transfer == 4 << 20)
        #expect(limits.bufferMemory == 2 << 30)
        #expect(limits.record > limits.transfer)
        #expect(try configuration([.maximumTransfer: ["64KiB"]]).limits.transfer == 64 << 10)
    }

    @Test("What is printed is a file that gives the same configuration")
    func printedConfiguration() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file(
            """
            export:
              - {path: "/srv/a: b#'c", pseudo: "/2024", read-only: true, squash: root, anonymous-uid: 7, allowed-networks: ["::1"]}
              - "/srv/true:/null"
              - path: /srv/c
                security: [krb5p, sys]
                allowed-networks: [10.0.0.0/8, {network: "fd00::/8", read-only: true, squash: all, anonymous-gid: 5, security: none, unknown-principals: refuse, machine-root: true}]
                denied-networks: [10.1.0.0/16, "fd00:1::/32"]
            listen: ["0.0.0.0:2049", "[::]:2049"]
            recovery-url: http://host:9503/v1/recoverybackend
            recovery-token-file: /run/secrets/token
            recovery-ca: /run/secrets/ca.pem
            recovery-certificate: /run/secrets/server.pem
            recovery-key: /run/secrets/server.key
            recovery-deadline: 3
            state-dir: /state
            dead-hosts-command: /bin/dead-hosts
            keytab: /etc/nfs.keytab
            service-principal: nfs/host@EXAMPLE.ORG
            hostname: "0123"
            admin-socket: /run/remuda.sock
            max-transfer: 64KiB
            log-level: trace
            log-format: json
            """)
        let loaded = try ServerConfiguration(flags: [.lease: ["7"]], environment: ["REMUDA_RPCBIND": "yes"], file: file)
        let printed = try directory.file(loaded.yaml(), named: "printed.yaml")
        #expect(try ServerConfiguration(flags: [:], environment: [:], file: printed) == loaded)
        let minimal = try configuration([:])
        #expect(try ServerConfiguration(flags: [:], environment: [:], file: directory.file(minimal.yaml())) == minimal)
    }
}
